import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from app.embedded import Embedded, Servers
from tests.servers import forget_sockets

ROOT = Path(__file__).parents[2]

PARENT = """
import json, os, sys, time
from pathlib import Path
from app.embedded import Embedded
if len(sys.argv) > 2:
    os.setgroups([]); os.setgid(int(sys.argv[3])); os.setuid(int(sys.argv[2]))
embedded = Embedded(Path(sys.argv[1]))
servers = embedded.start()
print(json.dumps([embedded.postgres_pid, embedded.valkey_pid, servers.database_url, servers.redis_url]), flush=True)
time.sleep(600)
"""


class Parent:
    """Another process that keeps servers, as `cdp up` does; as another account where one is given."""

    def __init__(self, data_dir: Path, *account: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PARENT, str(data_dir), *map(str, account)],
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        )
        self.data_dir = data_dir
        assert self.process.stdout is not None
        self.postgres_pid, self.valkey_pid, database_url, redis_url = json.loads(self.process.stdout.readline())
        self.servers = Servers(database_url, redis_url)

    def family(self) -> list[psutil.Process]:
        """The servers and all that they started."""
        servers = [psutil.Process(self.postgres_pid), psutil.Process(self.valkey_pid)]
        return servers + [child for server in servers for child in server.children(recursive=True)]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def forget(self) -> None:
        self.kill()
        servers = [psutil.Process(pid) for pid in (self.postgres_pid, self.valkey_pid) if psutil.pid_exists(pid)]
        assert all_end(servers, 10)
        forget_sockets(self.data_dir)


@pytest.fixture
def parent_of() -> Iterator[Callable[..., Parent]]:
    with contextlib.ExitStack() as ends:

        def start(data_dir: Path, *account: int) -> Parent:
            parent = Parent(data_dir, *account)
            ends.callback(parent.forget)
            return parent

        yield start


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """Started servers in an own data directory, shared by the tests of a module that leave them running."""
    embedded = Embedded(tmp_path_factory.mktemp("shared") / "data")
    embedded.start()
    try:
        yield embedded
    finally:
        embedded.stop()


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; one that has ended and waits to be asked for it does not."""
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def all_end(processes: list[psutil.Process], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(psutil.NoSuchProcess):
            if not alive(processes):
                return True
        time.sleep(0.02)
    return False
