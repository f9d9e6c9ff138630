"""The product as it is served: an API process and a worker process on a database of their own."""

import asyncio
import itertools
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from subprocess import Popen
from typing import Any

import asyncpg
import httpx2
import orjson
import pytest

from app.cli.prepare import prepare
from app.cli.schema import migrate
from app.cli.supervisor import child_environment, serving_commands
from app.cli.token import access_token
from app.cli.variables import variables
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.core.tokens.scopes import INGEST_WRITE
from app.domain import events, keys, sources
from app.domain.events import Event
from app.domain.lookup import ByIdentifier, ByRecord, lookup
from app.domain.profiles import Profile
from app.domain.workspaces import Workspace
from tests.tenancy import new_workspace

READY_SECONDS = 30.0
SETTLED_SECONDS = 20.0

_numbers = itertools.count(1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """One serving process that a test may kill, pause and start again."""

    name: str
    settings: Settings
    extra: Mapping[str, str] = field(default_factory=dict)
    process: "Popen[bytes] | None" = None

    @property
    def base_url(self) -> str:
        return self.settings.base_url

    @property
    def log(self) -> Path:
        return self.settings.data_dir / f"{self.name}.log"

    def start(self) -> None:
        assert not self._runs()
        env = {**child_environment(variables(self.settings)), **self.extra}
        with self.log.open("ab") as log:
            self.process = Popen(serving_commands(1)[self.name], env=env, stdout=log, stderr=log)
        if self.name == "api":
            self._wait_ready()

    def kill(self) -> None:
        """What no process can prepare for."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        self._signal(signal.SIGTERM)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The process neither runs nor ends while the block lasts."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(30)

    def _runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            assert self._runs(), self.log.read_text()
            try:
                if httpx2.get(f"{self.base_url}/readyz").status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)


@dataclass
class Live:
    """The running product. `rt` looks into its database as the processes do."""

    settings: Settings
    rt: Runtime
    api: Server
    worker: Server

    @contextmanager
    def another_api(self, **extra: str) -> Iterator[Server]:
        """One more API process on the same database, under other settings (`CDP_MAX_BACKLOG="5"`)."""
        settings = self.settings.model_copy(update={"port": free_port()})
        server = Server("api", settings, extra)
        server.start()
        try:
            yield server
        finally:
            server.stop()

    def token(self, *scopes: str, workspace: str, ttl: timedelta = timedelta(hours=1)) -> str:
        return access_token(self.settings, scopes or (INGEST_WRITE,), workspace, ttl)

    async def workspace(self) -> Workspace:
        return await new_workspace(self.rt)


class Client:
    """What the programs of one workspace do: send with a write key, ask with a token."""

    def __init__(self, live: Live, workspace: Workspace, http: httpx2.AsyncClient) -> None:
        self.live = live
        self.workspace = workspace
        self.http = http
        self.bearer = {"Authorization": f"Bearer {live.token(INGEST_WRITE, workspace=workspace.name)}"}
        self._keys: dict[str, str] = {}

    async def key(self, source: str = "web") -> str:
        """The write key of a source, which is made where it is new."""
        if source not in self._keys:
            rt = self.live.rt
            async with rt.begin(self.workspace.id) as tx:
                held = await sources.ensure(tx, source, now=rt.now())
                self._keys[source] = await sources.write_key(tx, await keys.keyring(rt, tx), held)
        return self._keys[source]

    async def send(self, call: str, body: Any, *, source: str = "web", **headers: str) -> httpx2.Response:
        """One request of the tracking API; `body` is JSON, or bytes as they are. Headers by their names with `_`."""
        return await self.http.post(
            f"/v1/{call}", content=as_bytes(body), auth=(await self.key(source), ""), headers=_named(headers)
        )

    async def records(self, body: Any, *, source: str = "crm", query: str = "", **headers: str) -> httpx2.Response:
        """One request of record ingest."""
        return await self.http.post(
            f"/v1/sources/{source}/records{query}",
            content=as_bytes(body),
            headers=self.bearer | _named(headers),
        )

    async def ask(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        content = None if body is None else as_bytes(body)
        kind = {} if body is None else {"Content-Type": "application/json"}
        return await self.http.request(method, path, content=content, headers=self.bearer | kind)

    async def fate(self, message_id: str) -> dict[str, Any]:
        """What `GET /v1/messages/{id}` answers once the message waits no more."""
        deadline = time.monotonic() + SETTLED_SECONDS
        while True:
            answer = await self.ask("GET", f"/v1/messages/{quoted(message_id)}")
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            if found["fate"] != "pending":
                return found
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.02)

    async def fates(self, message_ids: Iterable[str]) -> list[str]:
        return [found["fate"] for found in await asyncio.gather(*map(self.fate, message_ids))]

    async def profile(self, namespace: str, value: str) -> Profile:
        return await self._one(ByIdentifier(namespace, value))

    async def profile_of_record(self, key: str, source: str = "crm") -> Profile:
        return await self._one(ByRecord(source, key))

    async def events(self, profile: Profile) -> list[Event]:
        """All events of a profile, oldest first."""
        found: list[Event] = []
        before = None
        while True:
            async with self.live.rt.begin(self.workspace.id) as tx:
                keyring = await keys.keyring(self.live.rt, tx)
                listed, before = await events.page(tx, keyring, profile.id, before=before, many=100)
            found += listed
            if before is None:
                return found[::-1]

    async def log_size(self) -> int:
        """How many messages the log of this workspace holds."""
        async with self.live.rt.begin(self.workspace.id) as tx:
            return int(await tx.conn.fetchval("SELECT count(*) FROM ingest_log"))

    async def _one(self, by: ByIdentifier | ByRecord) -> Profile:
        async with self.live.rt.begin(self.workspace.id) as tx:
            (found,) = await lookup(tx, await keys.keyring(self.live.rt, tx), [by])
        assert found is not None, by
        return found


def quoted(message_id: str) -> str:
    """A message id as one segment of a path."""
    return "".join(chr(b) if chr(b).isalnum() and b < 128 else f"%{b:02X}" for b in message_id.encode())


def as_bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else orjson.dumps(body)


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


async def _own_database(url: str) -> str:
    """A fresh database beside the one of `url`."""
    name = f"live_{os.getpid()}_{next(_numbers)}"
    conn = await asyncpg.connect(url)
    await conn.execute(f"CREATE DATABASE {name}")
    await conn.close()
    before, _, query = url.partition("?")
    return f"{before.rpartition('/')[0]}/{name}?{query}"


@pytest.fixture(scope="session")
def live_settings(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a migrated database of one's own: the worker of the product drains it, and no other test's."""
    assert settings.database_url is not None
    url = asyncio.run(_own_database(settings.database_url))
    home = tmp_path_factory.mktemp("live")
    held = settings.model_copy(update={"database_url": url, "data_dir": home, "port": free_port()})
    migrate(url)
    prepare(held)
    return held


@pytest.fixture(scope="session")
async def live(live_settings: Settings) -> AsyncIterator[Live]:
    """The product, running until the session ends."""
    api, worker = Server("api", live_settings), Server("worker-1", live_settings)
    worker.start()
    api.start()
    rt = await Runtime.open(live_settings)
    yield Live(live_settings, rt, api, worker)
    await rt.close()
    api.stop()
    worker.stop()


@asynccontextmanager
async def client_of(live: Live, base_url: str | None = None) -> AsyncIterator[Client]:
    """The programs of a fresh workspace, talking to the product or to another API process of it."""
    async with httpx2.AsyncClient(base_url=base_url or live.api.base_url, timeout=30) as http:
        yield Client(live, await live.workspace(), http)


@pytest.fixture
async def client(live: Live) -> AsyncIterator[Client]:
    """The programs of a workspace of one's own."""
    async with client_of(live) as client:
        yield client
