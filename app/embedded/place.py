"""The data directory: who may use it, what lies where, and the short way to the sockets."""

import contextlib
import fcntl
import hashlib
import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import Conflict, Refused
from app.embedded.account import Account, server_account

LAYOUT = 1
"""Written to VERSION. Raised when a release arranges the data directory in a way older ones cannot read."""

OURS = frozenset({"lock", "keys", "logs"})
"""What may lie in a data directory before its VERSION does: the keys can be older than the servers."""

SOCKET_LIMIT = 100
"""Bytes of a socket's path; the systems' limits are 104 (macOS) and 108 (Linux), with the closing zero."""

LOCK_PATIENCE = 0.5
"""Seconds: a command that only asks whether somebody holds the lock holds it for a moment itself."""

_LONGEST_SOCKET = ".s.PGSQL.5432"
# A socket's path stands in URLs, and not every client decodes what an URL has to encode.
_PLAIN = re.compile(r"[A-Za-z0-9/._-]+")


@dataclass(frozen=True, slots=True)
class Place:
    """A prepared data directory. `account` is the servers' account where it is not our own."""

    data_dir: Path
    sockets: Path
    account: Account | None

    @property
    def postgres(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def valkey(self) -> Path:
        return self.data_dir / "valkey"

    @property
    def logs(self) -> Path:
        return self.data_dir / "logs"

    def give(self, directory: Path) -> None:
        """Make a directory of mode 0700 that belongs to the servers' account."""
        directory.mkdir(mode=0o700, exist_ok=True)
        directory.chmod(0o700)
        if self.account is not None:
            os.chown(directory, self.account.uid, self.account.gid)

    def leave(self) -> None:
        """Take away the sockets' directory, where nothing is left in it."""
        for directory in (self.sockets, self.sockets.parent):
            with contextlib.suppress(OSError):
                if directory != self.data_dir:
                    directory.rmdir()


class Lock:
    """An exclusive lock on a data directory; the system frees it when its holder dies."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "lock"
        self._fd: int | None = None

    def acquire(self) -> None:
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + LOCK_PATIENCE
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() < deadline:
                    time.sleep(0.02)
                    continue
                os.close(fd)
                raise Conflict(
                    f"Another cdp uses the data directory {self.path.parent}; stop it, or choose another --data-dir."
                ) from None
            self._fd = fd
            return

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def claim(data_dir: Path) -> tuple[Place, Lock]:
    """Make the data directory ready and lock it; refuse one that is not ours to use."""
    data_dir = data_dir.absolute()
    _own(data_dir)
    lock = Lock(data_dir)
    lock.acquire()
    try:
        _check_version(data_dir)
        account = server_account(data_dir / "postgres")
        place = Place(data_dir, _sockets(data_dir, account), account)
        place.logs.mkdir(mode=0o700, exist_ok=True)
        place.give(place.sockets)
    except BaseException:
        lock.release()
        raise
    return place, lock


def _own(data_dir: Path) -> None:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = {entry.name for entry in data_dir.iterdir()}
    except (FileExistsError, NotADirectoryError):
        raise Refused(f"The data directory {data_dir} is not a directory; choose another with --data-dir.") from None
    except PermissionError:
        raise _foreign(data_dir) from None
    if "VERSION" not in names and names - OURS:
        raise Refused(f"{data_dir} holds other files; choose an empty data directory with --data-dir.")
    if data_dir.stat().st_uid != os.geteuid() and os.geteuid() != 0:
        raise _foreign(data_dir)
    data_dir.chmod(0o700)


def _foreign(data_dir: Path) -> Refused:
    return Refused(
        f"The data directory {data_dir} is another user's; start as that user, or choose another --data-dir."
    )


def _check_version(data_dir: Path) -> None:
    stamp = data_dir / "VERSION"
    if not stamp.exists():
        stamp.write_text(f"{LAYOUT}\n", "utf-8")
        return
    text = stamp.read_text("utf-8", errors="replace").strip()
    if not text.isdigit() or int(text) > LAYOUT:
        raise Refused(
            f"The data directory {data_dir} was made by a newer release of Samewise; "
            "start that release, or choose another data directory with --data-dir."
        )


def _sockets(data_dir: Path, account: Account | None) -> Path:
    """The sockets' directory: in the data directory, or where that is no good in a temporary one.

    It is no good when its path is too long for a socket or strange in an URL, or when the
    servers run under an account that has no way into the data directory.
    """
    if account is None and _fits(data_dir / "run"):
        return data_dir / "run"
    name = f"samewise-{hashlib.sha256(bytes(data_dir.resolve())).hexdigest()[:12]}"
    base = next((base for base in (Path(tempfile.gettempdir()), Path("/tmp")) if _fits(base / name / "run")), None)  # noqa: S108  checked below
    if base is None:
        raise Refused("The temporary directory has too long a path for sockets; set TMPDIR=/tmp.")
    home = base / name
    home.mkdir(mode=0o700, exist_ok=True)
    if home.is_symlink() or home.stat().st_uid != os.geteuid():
        raise Refused(f"{home} belongs to somebody else; remove it, or set TMPDIR to another directory.")
    if account is not None:
        os.chown(home, 0, account.gid)
    home.chmod(0o710 if account is not None else 0o700)
    return home / "run"


def _fits(directory: Path) -> bool:
    path = str(directory / _LONGEST_SOCKET)
    return len(os.fsencode(path)) <= SOCKET_LIMIT and _PLAIN.fullmatch(path) is not None
