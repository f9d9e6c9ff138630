"""`cdp up` as its users run it: a tree of processes in a directory of its own, any of which a test may kill."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import STDOUT, Popen
from typing import Any

import httpx2
import psutil

from app.cli.token import access_token
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.core.tokens.scopes import INGEST_WRITE
from app.domain import keys, sources
from app.domain.workspaces import Workspace
from app.embedded import running
from tests.faults.ledger import EVENTS, Order
from tests.live import free_port
from tests.servers import forget_sockets
from tests.tenancy import new_workspace

ROOT = Path(__file__).parents[2]
STARTED_IN = 60.0
LOOK_EVERY = 0.01
SCOPES = (INGEST_WRITE, "profiles:read", "admin")


class Installation:
    """One data directory, and whatever serves it now."""

    def __init__(self, home: Path, *, workers: int = 2, **env: str) -> None:
        self.data_dir = home / "data"
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.output = home / "output"
        self.env = env
        self._workers = workers
        self._home = home
        self._process: Popen[bytes] | None = None

    def start(self) -> float:
        """Start `cdp up` and return how many seconds it took until it accepts writes."""
        began = time.monotonic()
        argv = [sys.executable, "-P", "-m", "app.cli.main", "up", "--no-demo"]
        argv += ["--port", str(self.port), "--data-dir", str(self.data_dir), "--workers", str(self._workers)]
        with self.output.open("ab") as output:
            self._process = Popen(
                argv,
                cwd=self._home,
                env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "HOME": str(self._home), **self.env},
                stdout=output,
                stderr=STDOUT,
                start_new_session=True,
            )
        self.serves(STARTED_IN)
        return time.monotonic() - began

    def stop(self) -> int:
        """End it politely and return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def serves(self, seconds: float) -> float:
        """Wait until it accepts writes; return how long that took."""
        began = time.monotonic()
        while True:
            with contextlib.suppress(httpx2.TransportError):
                if httpx2.get(f"{self.base_url}/readyz", timeout=seconds).status_code == 200:
                    return time.monotonic() - began
            assert self._process is None or self._process.poll() is None, self.output.read_text()
            assert time.monotonic() - began < seconds, f"not serving after {seconds:.0f} s: {self.output.read_text()}"
            time.sleep(LOOK_EVERY)

    @property
    def main(self) -> psutil.Process:
        assert self._process is not None
        return psutil.Process(self._process.pid)

    @property
    def api(self) -> psutil.Process:
        return self._children("app.api.serve")[0]

    @property
    def workers(self) -> list[psutil.Process]:
        return self._children("app.workers.main")

    @property
    def postmaster(self) -> psutil.Process:
        return self._children("bin/postgres")[0]

    @property
    def postgres(self) -> list[psutil.Process]:
        """The postmaster and everything that it started."""
        return [self.postmaster, *self.postmaster.children(recursive=True)]

    @property
    def valkey(self) -> psutil.Process:
        return self._children("valkey-server")[0]

    @property
    def family(self) -> list[psutil.Process]:
        return [self.main, *self.main.children(recursive=True)]

    def kill_itself(self) -> list[psutil.Process]:
        """Kill `cdp up` alone; return those that it left behind."""
        left = self.main.children(recursive=True)
        self._end()
        return left

    def kill_everything(self) -> None:
        """What a power cut does to processes."""
        family = self.family
        for each in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        self._end()
        gone(family, 10)

    def remove(self) -> None:
        """Leave nothing of it on the machine."""
        if self._process is not None and self._process.poll() is None:
            self.kill_everything()
        forget_sockets(self.data_dir)

    @property
    def settings(self) -> Settings:
        servers = running(self.data_dir)
        assert servers is not None
        return Settings(
            database_url=servers.database_url,
            redis_url=servers.redis_url,
            data_dir=self.data_dir,
            port=self.port,
        )

    def _children(self, name: str) -> list[psutil.Process]:
        """Children whose command line has `name`, waited for: one that was killed is soon there again."""
        deadline = time.monotonic() + STARTED_IN
        while True:
            found = []
            for each in self.main.children():
                with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                    if any(name in part for part in each.cmdline()):
                        found.append(each)
            if found:
                return found
            assert time.monotonic() < deadline, f"no {name}"
            time.sleep(LOOK_EVERY)

    def _end(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()


@contextmanager
def installed(home: Path, *, workers: int = 2, **env: str) -> Iterator[Installation]:
    """A fresh installation that serves, removed with the block."""
    installation = Installation(home, workers=workers, **env)
    try:
        installation.start()
        yield installation
    finally:
        installation.remove()


def gone(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those of the processes that still run after so many seconds."""
    deadline = time.monotonic() + seconds
    while left := [each for each in processes if _runs(each)]:
        if time.monotonic() > deadline:
            return left
        time.sleep(LOOK_EVERY)
    return []


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@dataclass(frozen=True, slots=True)
class Tenancy:
    """A workspace of one's own, and the order of a client that sends to it."""

    workspace: Workspace
    order: Order


async def tenancy(rt: Runtime, settings: Settings, book: Path, **given: Any) -> Tenancy:
    """A fresh workspace with a write key and a token; `given` is what to send, as `Order` has it."""
    workspace = await new_workspace(rt)
    async with rt.begin(workspace.id) as tx:
        source = await sources.ensure(tx, EVENTS, now=rt.now())
        write_key = await sources.write_key(tx, await keys.keyring(rt, tx), source)
    token = access_token(settings, SCOPES, workspace.name)
    return Tenancy(workspace, Order(settings.base_url, write_key, token, str(book), **given))
