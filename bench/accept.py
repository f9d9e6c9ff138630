"""HTTP accept, durable: 1, 100 and 1000 messages a request, over 32 connections, with authentication and sealing.

Ours (`/v1/track`, `/v1/batch`, record ingest) against a naive FastAPI endpoint
(bench/naive.py) and against COPY of rows of the same size (bench/copying.py). The load
generator is a process of its own and shares the machine with all of them.
"""

import asyncio
import base64
import json
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import asyncpg

from app.cli.token import access_token
from app.core.runtime import Runtime
from app.domain import sources
from bench import copying, load, naive
from bench.house import (
    House,
    as_owner,
    free_port,
    house,
    running,
    serving,
    tenant,
    wait_until_ready,
)
from bench.load import MARKER, Orders
from bench.measure import Cpu, Figure, Round, cpu_of, interleaved
from bench.processes import own_environment, python_module
from bench.report import Verdict, arguments, progress, show
from bench.workload import event_text, record_text

SIZES = (1, 100, 1000)
SEALED = 45
"""Bytes that the log adds to an event: its frame as JSON, and the seal."""

COPY = "COPY, 1000 a transaction"
EMPTY = "TRUNCATE ingest_queue, ingest_log, latest_contents, ingest_batches, naive_events, copied_log"

Turn = Callable[[int], Awaitable[Round]]


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the candidates are, what lets a sender in, and what their processes are."""

    house: House
    api: int
    naive: int
    naive_port: int
    write_key: str
    token: str


def main() -> None:
    asked = arguments(__doc__ or "")
    rounds, seconds = (2, 2.0) if asked.quick else (5, 6.0)
    with house() as home, candidates(home) as servers:
        figures = asyncio.run(interleaved(turns(servers, seconds), rounds))
    found = list(figures.values())
    show("accept", found, verdicts(figures), as_json=asked.json, quick=asked.quick)


def verdicts(figures: dict[str, Figure]) -> list[Verdict]:
    def verdict(ours: str, floor: str, target: float) -> Verdict:
        mine, theirs = figures[ours], figures[floor]
        by_cpu = mine.per_core / theirs.per_core
        return Verdict(f"{ours}: ours / {floor}", mine.rate / theirs.rate, target, by_cpu=by_cpu)

    return [
        verdict("events, 1 a request", "naive, 1 a request", 7),
        verdict("events, 100 a request", "naive, 100 a request", 2.5),
        verdict("events, 1000 a request", COPY, 0.5),
        verdict("records, 1 a request", "naive, 1 a request", 7),
        verdict("records, 100 a request", "naive, 100 a request", 2.5),
        verdict("records, 1000 a request", COPY, 0.5),
    ]


@contextmanager
def candidates(home: House) -> Iterator[Servers]:
    """Our API and the naive one, side by side."""
    write_key = asyncio.run(prepared(home))
    token = access_token(home.settings, ["ingest:write"], "bench")
    port = free_port()
    environment = own_environment() | {naive.DATABASE: home.database_url}
    command = [*python_module("bench.naive"), str(port)]
    with serving(home, "api") as ours, running([command], environment, home.home) as (pid,):
        wait_until_ready(f"http://127.0.0.1:{port}/readyz")
        yield Servers(home, ours["api"], pid, port, write_key, token)


async def prepared(home: House) -> str:
    """A workspace with a source; return the source's write key."""
    rt = await Runtime.open(home.settings, pool_size=2)
    try:
        made = await tenant(rt, "bench", "web")
        async with rt.begin(made.id) as tx:
            return await sources.write_key(tx, made.keyring, made.source)
    finally:
        await rt.close()


def turns(servers: Servers, seconds: float) -> dict[str, Turn]:
    made: dict[str, Turn] = {}
    for size in SIZES:
        made[f"events, {size} a request"] = ours_turn(servers, events(servers, size, seconds), size)
        made[f"records, {size} a request"] = ours_turn(servers, records(servers, size, seconds), size)
        made[f"naive, {size} a request"] = naive_turn(servers, size, seconds)
    made[COPY] = copy_turn(servers, seconds)
    return made


def events(servers: Servers, size: int, seconds: float) -> Orders:
    basic = base64.b64encode(f"{servers.write_key}:".encode()).decode()
    path = "/v1/track" if size == 1 else "/v1/batch"
    port = servers.house.settings.port
    return Orders(port, path, events_body(size), {"Authorization": f"Basic {basic}"}, seconds=seconds)


def events_body(size: int) -> str:
    if size == 1:
        return event_text(f"{MARKER}-0")
    return '{"batch":[' + ",".join(event_text(f"{MARKER}-{n}") for n in range(size)) + "]}"


def records(servers: Servers, size: int, seconds: float) -> Orders:
    body = "[" + ",".join(record_text(f"{MARKER}-{n}") for n in range(size)) + "]"
    port = servers.house.settings.port
    return Orders(port, "/v1/sources/crm/records", body, {"Authorization": f"Bearer {servers.token}"}, seconds=seconds)


def ours_turn(servers: Servers, orders: Orders, size: int) -> Turn:
    async def turn(number: int) -> Round:
        progress(f"round {number + 1}: {orders.path}, {size} a request")
        taken = await measured(servers, servers.api, orders, size)
        await expect_rows(servers, "ingest_log", taken.operations)
        return taken

    return turn


def naive_turn(servers: Servers, size: int, seconds: float) -> Turn:
    orders = Orders(servers.naive_port, "/track" if size == 1 else "/batch", events_body(size), seconds=seconds)

    async def turn(number: int) -> Round:
        progress(f"round {number + 1}: naive, {size} a request")
        taken = await measured(servers, servers.naive, orders, size)
        await expect_rows(servers, "naive_events", taken.operations)
        return taken

    return turn


async def measured(servers: Servers, pid: int, orders: Orders, size: int) -> Round:
    """Empty the tables, warm the server up, and count one turn of the load generator."""
    await as_owner(servers.house, f"{copying.MAKE}; {EMPTY}", "CHECKPOINT")
    await asyncio.to_thread(load.send, replace(orders, seconds=0.3))
    await as_owner(servers.house, EMPTY)
    before = cpu_of([pid], [servers.house.postgres_pid])
    outcome = await asyncio.to_thread(load.send, orders)
    after = cpu_of([pid], [servers.house.postgres_pid])
    assert set(outcome.statuses) <= {"200", "202"}, f"refused: {outcome.statuses}"
    return Round(outcome.requests * size, outcome.seconds, after - before)


async def expect_rows(servers: Servers, table: str, many: int) -> None:
    """What was answered is there: a benchmark of something that loses messages would be worth nothing."""
    conn = await asyncpg.connect(servers.house.database_url)
    try:
        held = await conn.fetchval(f"SELECT count(*) FROM {table}")
    finally:
        await conn.close()
    assert held == many, f"{many} messages were acknowledged and {held} are in {table}"


def copy_turn(servers: Servers, seconds: float) -> Turn:
    row_bytes = len(event_text("x" * 10)) + SEALED

    async def turn(number: int) -> Round:
        progress(f"round {number + 1}: COPY")
        await as_owner(servers.house, EMPTY, "CHECKPOINT")
        environment = own_environment() | {naive.DATABASE: servers.house.database_url}
        command = [*python_module("bench.copying"), str(seconds), str(row_bytes)]
        before = cpu_of([], [servers.house.postgres_pid])
        started = time.perf_counter()
        process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.PIPE)
        said, _ = await process.communicate()
        assert process.returncode == 0, time.perf_counter() - started
        after = cpu_of([], [servers.house.postgres_pid])
        done = json.loads(said)
        return Round(done["rows"], done["seconds"], Cpu(done["cpu"], (after - before).postgres))

    return turn


if __name__ == "__main__":
    main()
