"""From accepted to visible in the profile: at half of the drain rate, and with nothing else to do.

An API process and a worker process. A probe is a record sent by HTTP; its time runs from
the answer of its acceptance until its profile can be read, seen by a look every 2 ms.
The load beside it is record ingest at half the rate at which the worker drained a backlog.
"""

import asyncio
import contextlib
import json
import random
import time
from dataclasses import dataclass
from statistics import quantiles

import asyncpg

from app.cli.token import access_token
from app.core.runtime import Runtime
from app.domain.tokens import key_token
from bench import ours
from bench.house import House, Tenant, house, serving, tenant
from bench.report import Verdict, arguments, progress, show
from bench.workload import Workload, record_text

LOADED_P99_MS, IDLE_P99_MS = 150.0, 1000.0
LOOK_EVERY = 0.002
A_REQUEST = 20
"""Records in a request of the load."""

PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Scene:
    """Where to send, and where to look."""

    house: House
    tenant: Tenant
    conn: asyncpg.Connection
    token: str

    async def visible_ms(self, client: "Client", key: str) -> float:
        """Send a probe and wait until its profile is there; milliseconds after its acceptance."""
        await client.post(f"[{record_text(key)}]")
        accepted = time.perf_counter()
        held = key_token(self.tenant.keyring, self.tenant.source.id, key)
        while not await self.conn.fetchval(
            "SELECT EXISTS (SELECT FROM source_records WHERE workspace_id = $1 AND source_id = $2 AND key_token = $3)",
            self.tenant.id, self.tenant.source.id, held,
        ):  # fmt: skip
            assert time.perf_counter() - accepted < PATIENCE, "a probe never became visible"
            await asyncio.sleep(LOOK_EVERY)
        return (time.perf_counter() - accepted) * 1000


class Client:
    """One keep-alive connection to record ingest, one request at a time."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._head = (
            "POST /v1/sources/crm/records HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {token}\r\n"
        )

    async def __aenter__(self) -> "Client":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def post(self, body: str) -> None:
        self._writer.write(f"{self._head}Content-Length: {len(body.encode())}\r\n\r\n{body}".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        answer = await self._reader.readexactly(length)
        assert " 202 " in head, answer


def main() -> None:
    asked = arguments(__doc__ or "")
    people, probes, backlog = (5_000, 60, 8_000) if asked.quick else (100_000, 400, 40_000)
    with house() as home, serving(home, "api", "worker-1"):
        loaded, idle, rate = asyncio.run(observed(home, people, probes, backlog))
    progress(f"the worker drained {rate:,.0f} records a second; the load was half of that")
    found = [
        Verdict("accepted to visible at half the drain rate, p50", percentile(loaded, 50), None, False, "ms"),
        Verdict("accepted to visible at half the drain rate, p99", percentile(loaded, 99), LOADED_P99_MS, False, "ms"),
        Verdict("accepted to visible, idle, p50", percentile(idle, 50), None, False, "ms"),
        Verdict("accepted to visible, idle, p99", percentile(idle, 99), IDLE_P99_MS, False, "ms"),
    ]
    show("latency", [], found, as_json=asked.json, quick=asked.quick)


def percentile(values: list[float], which: int) -> float:
    return quantiles(values, n=100, method="inclusive")[which - 1]


async def observed(home: House, people: int, probes: int, backlog: int) -> tuple[list[float], list[float], float]:
    """Milliseconds of the probes under load and idle, and the worker's drain rate."""
    rt = await Runtime.open(home.settings, pool_size=2)
    conn = await asyncpg.connect(home.database_url)
    try:
        held = await tenant(rt, "bench")
        scene = Scene(home, held, conn, access_token(home.settings, ["ingest:write"], "bench"))
        progress(f"{people} residents")
        await ours.fill(rt, held, people)
        workload = Workload(people)
        rate = await drain_rate(rt, scene, workload, backlog)
        load = asyncio.create_task(steady_load(scene, workload, rate / 2))
        await asyncio.sleep(2)  # until the load is steady
        loaded = await probed(scene, "loaded", probes, longest_pause=0.05, load=load)
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)
        await until_empty(conn)
        idle = await probed(scene, "idle", probes // 2, longest_pause=0.5)
        return loaded, idle, rate
    finally:
        await conn.close()
        await rt.close()


async def drain_rate(rt: Runtime, scene: Scene, workload: Workload, backlog: int) -> float:
    """Records a second that the running worker settles."""
    await ours.append(rt, scene.tenant, workload.take(2000), 1)  # to warm it up
    await until_empty(scene.conn)
    progress(f"a backlog of {backlog}")
    sayings = workload.take(backlog)
    # Counted from where the queue is deep until it is empty, so that the appending does not count.
    await ours.append(rt, scene.tenant, sayings, 2)
    left = await scene.conn.fetchval("SELECT count(*) FROM ingest_queue")
    started = time.perf_counter()
    await until_empty(scene.conn)
    assert left > 0, "the worker was faster than the log; take a longer backlog"
    return float(left / (time.perf_counter() - started))


async def steady_load(scene: Scene, workload: Workload, rate: float) -> None:
    """Send records at a rate, whatever the answers take: four connections take turns."""
    async with contextlib.AsyncExitStack() as stack:
        port = scene.house.settings.port
        clients = [await stack.enter_async_context(Client(port, scene.token)) for _ in range(4)]
        due = time.perf_counter()
        posts: list[asyncio.Task[None] | None] = [None] * len(clients)
        turn = 0
        while True:
            due += A_REQUEST / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            if (busy := posts[turn]) is not None:
                await busy
            body = json.dumps([saying.item() for saying in workload.take(A_REQUEST)])
            posts[turn] = asyncio.create_task(clients[turn].post(body))
            turn = (turn + 1) % len(clients)


async def probed(
    scene: Scene, name: str, many: int, *, longest_pause: float, load: "asyncio.Task[None] | None" = None
) -> list[float]:
    """Probes one after another, with pauses that no clock of the house can be in step with."""
    progress(f"{many} probes, {name}")
    pauses = random.Random(3)
    found: list[float] = []
    async with Client(scene.house.settings.port, scene.token) as client:
        for number in range(many):
            assert load is None or not load.done(), load
            await asyncio.sleep(pauses.random() * longest_pause)
            found.append(await scene.visible_ms(client, f"{name}-{number}"))
    return found


async def until_empty(conn: asyncpg.Connection) -> None:
    while await conn.fetchval("SELECT EXISTS (SELECT FROM ingest_queue)"):  # noqa: ASYNC110  another process works on it
        await asyncio.sleep(0.005)


if __name__ == "__main__":
    main()
