"""What a benchmark runs on: private servers in a temporary directory, workspaces, and serving processes."""

import asyncio
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from app.cli.prepare import make_keys
from app.cli.schema import migrate
from app.cli.supervisor import child_environment, serving_commands
from app.cli.variables import variables
from app.core.crypto.keyring import Keyring
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.domain import keys, policies, sources, workspaces
from app.domain.sources import Source
from app.domain.workspaces import Workspace
from app.embedded import Embedded
from app.identity.policy import Matching, Policy
from bench.processes import tidy_end

READY_SECONDS = 60.0
QUEUES_ARE_NO_LIMIT = 10_000_000
"""`max_backlog` of the benchmarks' servers: what waits is emptied between rounds, so nothing may be refused."""


@dataclass(frozen=True, slots=True)
class House:
    """Running servers. `settings` leads to them; `postgres_pid` is the postmaster's."""

    settings: Settings
    postgres_pid: int
    home: Path

    @property
    def database_url(self) -> str:
        """The owner's connection: a benchmark empties and warms tables, which the application's role may not."""
        assert self.settings.database_url is not None
        return self.settings.database_url


@dataclass(frozen=True, slots=True)
class Tenant:
    """A workspace of a benchmark's own, its keys, and a source."""

    workspace: Workspace
    keyring: Keyring
    source: Source

    @property
    def id(self) -> int:
        return self.workspace.id


@contextmanager
def house() -> Iterator[House]:
    """Private servers with a migrated database and keys, gone with the block, also where a signal ends it."""
    with tidy_end(), _home() as home:
        embedded = Embedded(home / "data")
        try:
            servers = embedded.start()
            settings = Settings(
                database_url=servers.database_url,
                redis_url=servers.redis_url,
                data_dir=home / "data",
                port=free_port(),
                max_backlog=QUEUES_ARE_NO_LIMIT,
            )
            migrate(servers.database_url)
            make_keys(settings)
            (home / "metrics").mkdir()
            assert embedded.postgres_pid is not None, "started"
            yield House(settings, embedded.postgres_pid, home)
        finally:
            embedded.stop()


@contextmanager
def _home() -> Iterator[Path]:
    """A temporary directory, gone with the block."""
    home = Path(tempfile.mkdtemp(prefix="samewise-bench-"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def tenant(rt: Runtime, name: str, source: str = "crm", *, matching: bool = False) -> Tenant:
    """A fresh workspace with one source; `matching` beside shared identifiers is on or off."""
    async with rt.lobby() as lobby:
        fresh = await workspaces.next_id(lobby)
    async with rt.begin(fresh) as tx:
        workspace = await workspaces.create(tx, name, rt.key_service, now=rt.now())
        keyring = await keys.load(rt.key_service, tx)
        await policies.store(tx, keyring, 1, Policy(matching=Matching(on=matching)), now=rt.now())
        return Tenant(workspace, keyring, await sources.create(tx, source, now=rt.now()))


@contextmanager
def serving(house: House, *names: str, workers: int = 1) -> Iterator[dict[str, int]]:
    """Serving processes by name (`api`, `worker-1`, ...), started as `cdp up` starts them; yields their pids."""
    commands = serving_commands(workers)
    environment = {
        **child_environment(variables(house.settings)),
        "CDP_MAX_BACKLOG": str(QUEUES_ARE_NO_LIMIT),
        "PROMETHEUS_MULTIPROC_DIR": str(house.home / "metrics"),
    }
    with running([commands[name] for name in names], environment, house.home) as pids:
        if "api" in names:
            wait_until_ready(f"http://127.0.0.1:{house.settings.port}/readyz")
        yield dict(zip(names, pids, strict=True))


@contextmanager
def running(commands: Sequence[Sequence[str]], environment: dict[str, str], logs: Path) -> Iterator[list[int]]:
    """Processes for the length of the block; what they say is in `bench.log` there."""
    started: list[subprocess.Popen[bytes]] = []
    with (logs / "bench.log").open("ab") as log:
        try:
            for argv in commands:
                started.append(subprocess.Popen(argv, env=environment, stdout=log, stderr=log))  # noqa: PERF401
            yield [process.pid for process in started]
        finally:
            for process in started:
                process.send_signal(signal.SIGTERM)
            for process in started:
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  our own http address
                if answer.status == 200:
                    return
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


async def as_owner(house: House, *statements: str) -> None:
    """Run statements as the owner of the tables."""
    conn = await asyncpg.connect(house.database_url)
    try:
        for statement in statements:
            await conn.execute(statement)
    finally:
        await conn.close()


def owner_runs(house: House, *statements: str) -> None:
    asyncio.run(as_owner(house, *statements))
