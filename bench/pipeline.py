"""Record to golden profile, deterministic, per core: 12 traits and 3 identifiers a record (bench/workload.py).

Ours (a Processor in one process, from the log, sealed) against COPY of the same sealed
rows, row at a time with asyncpg, and one SQLModel session a record; and against ourselves
with one record a transaction, which is row at a time with all that ours does besides:
sealing, provenance, versions, fates. All work off the same sayings over the same resident
population. Ratios are per core: CPU of Python and
PostgreSQL together, for one process of each cannot keep two cores busy alike.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import dataclass

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.core.garbage import collect_seldom
from app.core.runtime import Runtime
from app.workers.process import Processor
from bench import copying, ours, rowwise, session
from bench.house import House, Tenant, as_owner, house, serving, tenant
from bench.measure import Cpu, Figure, Round, cpu_of, interleaved, peak_memory
from bench.naive import alchemy_url
from bench.report import Verdict, arguments, progress, show
from bench.workload import Saying, Workload, residents

RECORDS_A_ROUND = {"ours": 4000, "single": 300, "rows": 1000, "session": 400, "copy": 50_000}
WARM_UP = 600
MEMORY_LIMIT_MB = 300
LEASE = 7
OURS, LOG, COPY = "pipeline, from the log", "log append alone", "COPY, 1000 a transaction"
ROWS, SESSION = "row at a time, asyncpg", "one SQLModel session a record"
SINGLE = "ours, one record a transaction"


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that the candidates work on."""

    house: House
    rt: Runtime
    tenant: Tenant
    single: Tenant
    conn: asyncpg.Connection
    engine: AsyncEngine

    async def measured(self, many: int, work: Callable[[], Awaitable[None]]) -> Round:
        """CPU of this process and of PostgreSQL while the work is done."""
        started, before = time.perf_counter(), self._cpu()
        await work()
        return Round(many, time.perf_counter() - started, self._cpu() - before)

    def _cpu(self) -> Cpu:
        return Cpu(time.process_time(), cpu_of([], [self.house.postgres_pid]).postgres)


def main() -> None:
    asked = arguments(__doc__ or "")
    people, rounds = (5_000, 3) if asked.quick else (100_000, 9)
    with house() as home:
        figures, memory = asyncio.run(compared(home, people, rounds))
    per_core = {name: each.per_core for name, each in figures.items()}
    found = [
        Verdict("ours / COPY, per core", per_core[OURS] / per_core[COPY], 1 / 20),
        Verdict("ours / row at a time, per core", per_core[OURS] / per_core[ROWS], 8),
        Verdict("ours / ours, one record a transaction, per core", per_core[OURS] / per_core[SINGLE], 8),
        Verdict("ours / SQLModel session, per core", per_core[OURS] / per_core[SESSION], 40),
        Verdict("memory of a worker", memory / 2**20, MEMORY_LIMIT_MB, at_least=False, unit="MB"),
    ]
    show("pipeline", list(figures.values()), found, as_json=asked.json, quick=asked.quick)


async def compared(home: House, people: int, rounds: int) -> tuple[dict[str, Figure], int]:
    """Figures of all candidates, and the most bytes that a worker process had resident."""
    rt = await Runtime.open(home.settings, pool_size=2)
    conn = await asyncpg.connect(home.database_url)
    engine = create_async_engine(alchemy_url(home.database_url), pool_size=1)
    try:
        bench = Bench(home, rt, await tenant(rt, "bench"), await tenant(rt, "single"), conn, engine)
        await settle_in(bench, people)
        collect_seldom()  # as a worker does
        workloads = {name: Workload(people) for name in (OURS, SINGLE, ROWS, SESSION)}
        await agree(bench, workloads)
        figures = await interleaved(turns(bench, workloads), rounds)
        return figures, await worker_memory(bench, people)
    finally:
        await engine.dispose()
        await conn.close()
        await rt.close()


async def settle_in(bench: Bench, people: int) -> None:
    """The same residents for everybody, statistics, and a warm cache."""
    progress(f"{people} residents for each candidate")
    await ours.fill(bench.rt, bench.tenant, people)
    await ours.fill(bench.rt, bench.single, people)
    await bench.conn.execute(f"{rowwise.MAKE} {copying.MAKE}")
    await session.make(bench.engine)
    for number, chunk in enumerate(residents(people)):
        await rowwise.fill(bench.conn, chunk, 1 + number * 1000)
    await bench.conn.execute(
        "INSERT INTO orm_profiles (id, version, traits) OVERRIDING SYSTEM VALUE"
        " SELECT id, version, traits FROM row_profiles;"
        "INSERT INTO orm_records SELECT key, profile_id, at, traits FROM row_records;"
        "INSERT INTO orm_identifiers SELECT namespace, value, profile_id FROM row_identifiers;"
        "SELECT setval(pg_get_serial_sequence('orm_profiles', 'id'), (SELECT max(id) FROM orm_profiles));"
    )
    await as_owner(bench.house, "VACUUM ANALYZE", "CHECKPOINT")


async def agree(bench: Bench, workloads: dict[str, Workload]) -> None:
    """Warm every candidate up with the same sayings, and see that they find the same number of people in them."""
    await ours.append(bench.rt, bench.tenant, workloads[OURS].take(WARM_UP), 900_000)
    await Processor(bench.rt, LEASE).drain(bench.tenant.id)
    await ours.append(bench.rt, bench.single, workloads[SINGLE].take(WARM_UP), 900_000)
    await Processor(bench.rt, LEASE).drain(bench.single.id)
    await rowwise.take(bench.conn, workloads[ROWS].take(WARM_UP))
    await session.take(bench.engine, workloads[SESSION].take(WARM_UP))
    ours_alone = f"profiles WHERE live AND workspace_id = {bench.tenant.id}"
    tables = (ours_alone, "row_profiles", "orm_profiles")
    found = [await bench.conn.fetchval(f"SELECT count(*) FROM {table}") for table in tables]
    assert len(set(found)) == 1, f"the candidates do not agree on who is who: {found}"


def turns(bench: Bench, workloads: dict[str, Workload]) -> dict[str, Callable[[int], Awaitable[Round]]]:
    """The candidates. Each has a workload of its own with the same seed, so all begin with the same sayings."""
    waiting: list[Saying] = []

    async def log(number: int) -> Round:
        progress(f"round {number + 1}")
        waiting[:] = workloads[OURS].take(RECORDS_A_ROUND["ours"])
        return await bench.measured(len(waiting), lambda: ours.append(bench.rt, bench.tenant, waiting, number + 1))

    async def pipeline(_: int) -> Round:
        processor = Processor(bench.rt, LEASE)

        async def drain() -> None:
            done = await processor.drain(bench.tenant.id)
            assert done == len(waiting), f"{done} of {len(waiting)} settled"

        return await bench.measured(len(waiting), drain)

    async def single(number: int) -> Round:
        sayings = workloads[SINGLE].take(RECORDS_A_ROUND["single"])
        await ours.append(bench.rt, bench.single, sayings, number + 1)
        processor = Processor(one_by_one(bench.rt), LEASE)

        async def drain() -> None:
            done = await processor.drain(bench.single.id)
            assert done == len(sayings), f"{done} of {len(sayings)} settled"

        return await bench.measured(len(sayings), drain)

    async def rows(_: int) -> Round:
        sayings = workloads[ROWS].take(RECORDS_A_ROUND["rows"])
        return await bench.measured(len(sayings), lambda: rowwise.take(bench.conn, sayings))

    async def sessions(_: int) -> Round:
        sayings = workloads[SESSION].take(RECORDS_A_ROUND["session"])
        return await bench.measured(len(sayings), lambda: session.take(bench.engine, sayings))

    async def copied(_: int) -> Round:
        # The very bodies that the pipeline reads: sealed, and of their own sizes.
        newest = await bench.conn.fetch("SELECT body FROM ingest_log ORDER BY id DESC LIMIT $1", copying.A_TRANSACTION)
        bodies = [row["body"] for row in newest]

        async def work() -> None:
            for _ in range(RECORDS_A_ROUND["copy"] // copying.A_TRANSACTION):
                await copying.copy(bench.conn, copying.rows(bodies))

        return await bench.measured(RECORDS_A_ROUND["copy"], work)

    return {LOG: log, OURS: pipeline, SINGLE: single, ROWS: rows, SESSION: sessions, COPY: copied}


def one_by_one(rt: Runtime) -> Runtime:
    """The same connections and keys, and batches of one record."""
    other = copy(rt)
    other.settings = rt.settings.model_copy(update={"batch_size": 1})
    return other


async def worker_memory(bench: Bench, people: int) -> int:
    """Let a worker process of its own work off a backlog, and look at the most that it had resident."""
    workload = Workload(people * 2, seed=11)
    backlog = workload.take(10 * RECORDS_A_ROUND["ours"])
    await ours.append(bench.rt, bench.tenant, backlog, 1_000_000)
    progress("a worker process works off a backlog")
    with serving(bench.house, "worker-1") as pids:
        while True:
            peak = peak_memory(pids["worker-1"])
            if not await bench.conn.fetchval("SELECT EXISTS (SELECT FROM ingest_queue)"):
                return peak
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    main()
