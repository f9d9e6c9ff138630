"""A PostgreSQL that is not ours: reached over TCP with a password, in a directory that may lie on a small disk."""

import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.core.errors import Unavailable
from app.embedded.account import server_account
from app.embedded.place import Place
from app.embedded.process import Launch, Starter, end_child
from app.embedded.programs import usable_programs
from tests.live import free_port

STARTED_IN = 30.0
OWNER = "owner"


@dataclass
class Foreign:
    """The server, and how to reach it. `settings` are its own, by their names in postgresql.conf."""

    home: Path
    port: int
    settings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._account = server_account(self.home / "postgres")
        self._place = Place(self.home, self.home, self._account)
        self._programs = usable_programs(self._account)
        self._starter = Starter(self._account)
        self._password = secrets.token_hex(8)
        self._child: subprocess.Popen[bytes] | None = None
        self.log = self.home / "postgres.log"

    @property
    def url(self) -> str:
        return self.url_through(self.port)

    def url_through(self, port: int) -> str:
        return f"postgresql://{OWNER}:{self._password}@127.0.0.1:{port}/shop"

    def make(self) -> None:
        self._place.give(self._place.postgres)
        initdb = [str(self._programs.initdb), "-D", self._directory, "-U", OWNER, "--encoding=UTF8", "--no-sync"]
        self._run([*initdb, "--auth=trust", "--locale=C"], b"")
        words = f"ALTER ROLE {OWNER} PASSWORD '{self._password}'\nCREATE DATABASE shop\n"
        self._run([str(self._programs.postgres), "--single", "-D", self._directory, "postgres"], words.encode())
        (self._place.postgres / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")

    def start(self) -> None:
        argv = [str(self._programs.postgres), "-D", self._directory, "-h", "127.0.0.1", "-p", str(self.port), "-k", ""]
        argv += [f"--{name}={value}" for name, value in self.settings.items()]
        self._child = self._starter.start(Launch(argv, self._place.postgres, self.log, signal.SIGINT))
        deadline = time.monotonic() + STARTED_IN
        while not _listens(self.port):
            assert self._child.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    @property
    def runs(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def stop(self) -> None:
        if self._child is not None and self._child.poll() is None:
            end_child(self._child, ((signal.SIGINT, 10.0), (signal.SIGKILL, 5.0)))
        self._starter.close()

    @property
    def _directory(self) -> str:
        return str(self._place.postgres) if self._account is None else "/proc/self/cwd"

    def _run(self, argv: list[str], stdin: bytes) -> None:
        if self._starter.run(Launch(argv, self._place.postgres, self.log, signal.SIGKILL), stdin) != 0:
            raise Unavailable(self.log.read_text())


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def foreign_postgres(home: Path, **settings: str) -> Iterator[Foreign]:
    """A fresh server that takes connections, gone with the block."""
    server = Foreign(home, free_port(), settings)
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop()
