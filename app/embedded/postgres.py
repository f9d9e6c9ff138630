"""The private PostgreSQL: made once, started, watched and ended by us."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from app.core.errors import Refused, Unavailable
from app.embedded.place import Place
from app.embedded.postgres_settings import postgres_settings
from app.embedded.process import POLL, Launch, Starter, end_child, end_orphan, is_server
from app.embedded.programs import POSTGRES_MAJOR, Programs

ROLE = "samewise"
DATABASE = "samewise"

STOP = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))
"""Fast: sessions are cut, everything is written. Then immediate, then by force; both recover at the next start."""

RECOVERY_LIMIT = 600.0
"""Seconds a crash recovery may take. A checkpoint every gigabyte of WAL keeps it to a few."""

REMAINS_LIMIT = 15.0
"""Seconds that the children of a killed postmaster may take to notice and let go of its memory."""

_HALF_MADE = "postgres.new-"
_READY_LINE = 7  # of postmaster.pid, where pg_ctl reads it as well


class Postgres:
    """One cluster in one data directory."""

    def __init__(self, place: Place, programs: Programs, starter: Starter, say: Callable[[str], None]) -> None:
        self._place = place
        self._programs = programs
        self._starter = starter
        self._say = say
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://{ROLE}@/{DATABASE}?host={self._place.sockets}"

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    def start(self) -> None:
        """Return when connections are accepted; make the cluster first where there is none."""
        self._check_major()
        for half_made in self._place.data_dir.glob(f"{_HALF_MADE}*"):
            # What was killed while it made it may still be writing: then the next start takes the rest.
            shutil.rmtree(half_made, ignore_errors=True)
        if not self._place.postgres.exists():
            self._say("Making the database")
            self._make()
        self._clear_remains()
        deadline = time.monotonic() + REMAINS_LIMIT
        while not self._try_start():
            if time.monotonic() > deadline:
                raise Unavailable(f"The private PostgreSQL does not start; {self._log} says why.")
            time.sleep(10 * POLL)

    def stop(self) -> None:
        if self._child is not None:
            end_child(self._child, STOP)
            self._child = None

    @property
    def _log(self) -> Path:
        return self._place.logs / "postgresql.log"

    @property
    def _directory_argument(self) -> str:
        """The cluster's path as the server sees it.

        An account with no way through the data directory can still be put into its own
        directory, and this link leads there without walking the path.
        """
        return str(self._place.postgres) if self._place.account is None else "/proc/self/cwd"

    def _check_major(self) -> None:
        stamp = self._place.postgres / "PG_VERSION"
        if self._place.postgres.exists() and not stamp.exists():
            raise Refused(f"{self._place.postgres} is no PostgreSQL cluster; restore it, or choose another --data-dir.")
        if stamp.exists() and (found := stamp.read_text("utf-8").strip()) != str(POSTGRES_MAJOR):
            raise Refused(
                f"The data directory {self._place.data_dir} was made by PostgreSQL {found}, and this release brings "
                f"{POSTGRES_MAJOR}; dump it with the release that made it, and load the dump into a new one."
            )

    def _make(self) -> None:
        """Make the cluster beside its place and move it there whole, so that a kill leaves none or all of it."""
        fresh = Path(tempfile.mkdtemp(prefix=_HALF_MADE, dir=self._place.data_dir))
        self._place.give(fresh)
        directory = str(fresh) if self._place.account is None else "/proc/self/cwd"
        initdb = [
            *(str(self._programs.initdb), "-D", directory, "-U", ROLE, "--encoding=UTF8"),
            # Unicode's own upper and lower case, the same on every system, whatever its locales are.
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
            # Trust, because the directory of the socket lets no one else in; there is no other way in.
            *("--auth-local=trust", "--auth-host=reject"),
        ]
        single = [str(self._programs.postgres), "--single", "-D", directory, "postgres"]
        for argv, stdin in ((initdb, b""), (single, f"CREATE DATABASE {DATABASE}\n".encode())):
            if self._starter.run(Launch(argv, fresh, self._log, signal.SIGKILL), stdin) != 0:
                raise Unavailable(f"The private PostgreSQL could not be made; {self._log} says why.")
        fresh.rename(self._place.postgres)
        # Before anything is written into it that must not be lost with the name.
        directory_fd = os.open(self._place.data_dir, os.O_RDONLY)
        os.fsync(directory_fd)
        os.close(directory_fd)

    def _clear_remains(self) -> None:
        """End the server of a killed parent, and forget a pid that by now is somebody else's."""
        pid_file = self._place.postgres / "postmaster.pid"
        pid = self._recorded()[0]
        if pid is None:
            return
        end_orphan(pid, "postgres", self._place.postgres, STOP)
        if not is_server(pid, "postgres", self._place.postgres) and _exists(pid):
            # PostgreSQL would take that process for itself and refuse. Backends that may still
            # be left of the old server are found by their shared memory.
            pid_file.unlink(missing_ok=True)

    def _try_start(self) -> bool:
        """Start once and wait; False when it ended because backends of a killed one still hold its memory."""
        launch = Launch(
            [str(self._programs.postgres), "-D", self._directory_argument, "-h", "", "-k", str(self._place.sockets)]
            + [f"--{name}={value}" for name, value in postgres_settings().items()],
            self._place.postgres,
            self._log,
            signal.SIGINT,
        )
        self._child = self._starter.start(launch)
        began = told = time.monotonic()
        while self._child.poll() is None:
            if self._recorded() == (self._child.pid, "ready"):
                return True
            now = time.monotonic()
            if now - began > RECOVERY_LIMIT:
                self.stop()
                raise Unavailable(f"The database is not up after {now - began:.0f} s; {self._log} says why.")
            if now - told >= 1.0:
                told = now
                self._say(f"The database recovers from a crash: {now - began:.0f} s")
            time.sleep(POLL)
        self._child = None
        return False

    def _recorded(self) -> tuple[int | None, str]:
        """Pid and state that postmaster.pid tells, while there is one."""
        lines: list[str] = []
        with contextlib.suppress(FileNotFoundError):
            lines = (self._place.postgres / "postmaster.pid").read_text("utf-8", errors="replace").splitlines()
        pid = int(lines[0]) if lines and lines[0].strip().isdigit() else None
        return pid, lines[_READY_LINE].strip() if len(lines) > _READY_LINE else ""


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
