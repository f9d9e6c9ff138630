"""Growth: CPU per pipeline record and per accepted message with 100,000 and with 1,000,000 resident profiles.

Two private servers, one small and one large, so that neither's upkeep counts for the other,
both filled through the log and the pipeline, by a worker process each. Then turns on the
small and on the large one alternate; both were vacuumed and read through before. `--quick` takes
20,000 and 200,000.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncpg

from app.cli.token import access_token
from app.core.garbage import collect_seldom
from app.core.runtime import Runtime
from app.workers.process import Processor
from bench import load, ours
from bench.house import House, Tenant, as_owner, house, serving, tenant
from bench.load import MARKER, Orders
from bench.measure import Cpu, Figure, Round, cpu_of, interleaved
from bench.report import Verdict, arguments, progress, show
from bench.workload import Workload, record_text, residents

TARGET = 1.5
RECORDS_A_ROUND = 4000
ACCEPT_SECONDS = 3.0
BEHIND = 20_000
"""Messages that may wait while a population is filled in."""

LEASE = 7


@dataclass(frozen=True, slots=True)
class Town:
    """One population on a server of its own."""

    people: int
    house: House
    rt: Runtime
    tenant: Tenant
    workload: Workload


def main() -> None:
    asked = arguments(__doc__ or "")
    small, large, rounds = (20_000, 200_000, 3) if asked.quick else (100_000, 1_000_000, 7)
    with house() as one, house() as other:
        figures = asyncio.run(compared({small: one, large: other}, rounds))
    found = [
        Verdict(
            f"{path}: CPU at {large:,} / CPU at {small:,}",
            figures[f"{path}, {large:,} resident"].cpu_us / figures[f"{path}, {small:,} resident"].cpu_us,
            TARGET,
            at_least=False,
        )
        for path in ("pipeline", "accept")
    ]
    show("growth", list(figures.values()), found, as_json=asked.json, quick=asked.quick)


async def compared(homes: Mapping[int, House], rounds: int) -> dict[str, Figure]:
    async with AsyncExitStack() as stack:
        towns = [await stack.enter_async_context(town(home, people)) for people, home in homes.items()]
        for each in towns:
            await settle_in(each)
        collect_seldom()  # as a worker does
        turns: dict[str, Callable[[int], Awaitable[Round]]] = {}
        with ExitStack() as servers:
            for each in towns:
                turns[f"pipeline, {each.people:,} resident"] = pipeline_turn(each)
            for each in towns:
                api = servers.enter_context(serving(each.house, "api"))["api"]
                turns[f"accept, {each.people:,} resident"] = accept_turn(each, api)
            await interleaved(turns, 1)  # a turn of each to warm up
            return await interleaved(turns, rounds)


@asynccontextmanager
async def town(home: House, people: int) -> AsyncIterator[Town]:
    """A workspace that is to hold so many people."""
    rt = await Runtime.open(home.settings, pool_size=2)
    try:
        yield Town(people, home, rt, await tenant(rt, "bench"), Workload(people))
    finally:
        await rt.close()


async def settle_in(town: Town) -> None:
    """Fill the town through the log while a worker process makes the profiles; then vacuum, and read it through."""
    started = time.perf_counter()
    conn = await asyncpg.connect(town.house.database_url)
    try:
        with serving(town.house, "worker-1"):
            for number, people in enumerate(residents(town.people)):
                await ours.append(town.rt, town.tenant, people, 1_000_000_000 + number)
                await caught_up(conn, BEHIND)
                if number % 50 == 49:
                    took = time.perf_counter() - started
                    progress(f"{town.people:,} residents: {(number + 1) * 1000:,} sent, {took:.0f} s")
            await caught_up(conn, 0)
        await conn.execute("VACUUM ANALYZE")
        await conn.execute("CHECKPOINT")
        for table in ("source_records", "profiles", "record_identifiers", "latest_contents", "profile_versions"):
            await conn.execute(f"SELECT count(t.*) FROM {table} AS t")
        made = await conn.fetchval("SELECT count(*) FROM profiles WHERE live")
        assert made == town.people, f"{made} profiles of {town.people} people"
    finally:
        await conn.close()


async def caught_up(conn: asyncpg.Connection, behind: int) -> None:
    waiting = "SELECT count(*) FROM (SELECT FROM ingest_queue LIMIT $1) AS few"
    while await conn.fetchval(waiting, behind + 1) > behind:  # noqa: ASYNC110  another process works on it
        await asyncio.sleep(0.05)


def pipeline_turn(town: Town) -> Callable[[int], Awaitable[Round]]:
    batches = iter(range(1, 1_000_000))

    async def turn(number: int) -> Round:
        progress(f"round {number + 1}: pipeline, {town.people:,} resident")
        await ours.append(town.rt, town.tenant, town.workload.take(RECORDS_A_ROUND), next(batches))
        before, python, started = cpu_of([], [town.house.postgres_pid]), time.process_time(), time.perf_counter()
        done = await Processor(town.rt, LEASE).drain(town.tenant.id)
        took, spent = time.perf_counter() - started, time.process_time() - python
        assert done == RECORDS_A_ROUND, done
        return Round(done, took, Cpu(spent, (cpu_of([], [town.house.postgres_pid]) - before).postgres))

    return turn


def accept_turn(town: Town, api: int) -> Callable[[int], Awaitable[Round]]:
    """Record ingest, 100 a request: the path that looks at what is resident (repeats, keys), unlike events."""
    settings = town.house.settings
    body = "[" + ",".join(record_text(f"{MARKER}-{n}") for n in range(100)) + "]"
    headers = {"Authorization": f"Bearer {access_token(settings, ['ingest:write'], 'bench')}"}
    orders = Orders(settings.port, "/v1/sources/crm/records", body, headers, seconds=ACCEPT_SECONDS)

    async def turn(number: int) -> Round:
        progress(f"round {number + 1}: accept, {town.people:,} resident")
        before = cpu_of([api], [town.house.postgres_pid])
        outcome = await asyncio.to_thread(load.send, orders)
        after = cpu_of([api], [town.house.postgres_pid])
        assert set(outcome.statuses) == {"202"}, outcome.statuses
        # What was accepted only to be counted must not wait for the next turn of the pipeline.
        await as_owner(town.house, "TRUNCATE ingest_queue")
        return Round(outcome.requests * 100, outcome.seconds, after - before)

    return turn


if __name__ == "__main__":
    main()
