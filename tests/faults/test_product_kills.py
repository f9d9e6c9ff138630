"""Every fault for itself, again and again, under a load that does not wait for it; each prints how long things took."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from app.core.errors import Unavailable
from app.core.runtime import Runtime
from tests.faults.figures import tell
from tests.faults.installation import Installation, gone, installed, tenancy
from tests.faults.ledger import sending
from tests.faults.storm import LEASE_SECONDS, strike
from tests.faults.verdict import drained, judge

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

MESSAGES = int(os.environ.get("FAULT_MESSAGES", "200000"))
BETWEEN = 2.0
TAKEN_OVER_IN = 35.0
SEED = 20_261_124

TIMES = {
    "worker killed": 10,
    "API killed": 5,
    "postmaster killed": 5,
    "all of PostgreSQL killed": 5,
    "Valkey killed": 5,
    "Valkey flushed": 5,
    "worker paused past its lease": 3,
    "API paused": 3,
    "cdp up killed": 3,
    "everything killed": 3,
}


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path, CDP_LEASE_SECONDS=str(LEASE_SECONDS)) as installation:
        yield installation


@pytest.fixture
async def eye(installation: Installation) -> AsyncIterator[Runtime]:
    rt = await Runtime.open(installation.settings, pool_size=2)
    yield rt
    await rt.close()


@pytest.mark.parametrize("fault", TIMES)
async def test_a_fault_loses_nothing_and_does_nothing_twice(
    fault: str, installation: Installation, eye: Runtime, tmp_path: Path
) -> None:
    place = await tenancy(
        eye, installation.settings, tmp_path / "book", name="load", messages=MESSAGES, people=MESSAGES // 20 + 1
    )

    def struck() -> list[float]:
        rng = random.Random(SEED)
        times = []
        for _ in range(TIMES[fault]):
            time.sleep(rng.random() * BETWEEN)
            times.append(strike(installation, fault, rng))
        return times

    with sending(place.order) as load:
        times = await asyncio.to_thread(struck)
        assert not load.is_over, "more messages are needed for so many faults"
        book = await asyncio.to_thread(load.finish, 900)
    tell(f"{fault} {len(times)} times: serving after at most {max(times):.1f} s, {dict(book.answers)}")
    taken = await drained(eye, place.workspace, 900)
    tell(f"longest silence {book.longest_silence():.1f} s, drained {taken:.1f} s later")
    verdict = await judge(eye, place, book)
    assert not verdict.faults
    assert verdict.settled(MESSAGES, deaths=len(times)), verdict
    family = installation.family
    assert installation.stop() == 0
    assert not gone(family, 1.0)


async def leased(eye: Runtime, place_id: int) -> list[int]:
    async with eye.begin(place_id) as tx:
        rows = await tx.conn.fetch("SELECT log_id FROM ingest_queue WHERE leased_until > now()")
    return [row["log_id"] for row in rows]


async def still_waiting(eye: Runtime, place_id: int, log_ids: list[int]) -> bool:
    try:
        async with eye.begin(place_id) as tx:
            return bool(
                await tx.conn.fetchval("SELECT EXISTS (SELECT FROM ingest_queue WHERE log_id = ANY($1))", log_ids)
            )
    except (Unavailable, asyncpg.PostgresError):
        return True


async def test_what_a_killed_worker_held_is_taken_over(tmp_path: Path) -> None:
    """With the lease that everybody has: the roster is faster than its end."""
    with installed(tmp_path) as installation:
        rt = await Runtime.open(installation.settings, pool_size=2)
        rng = random.Random(SEED)
        times: list[float] = []
        for turn in range(TIMES["worker killed"]):
            place = await tenancy(
                rt, installation.settings, tmp_path / f"book{turn}", name=f"turn{turn}", messages=6000, people=500
            )
            with sending(place.order) as load:
                await asyncio.sleep(0.5 + rng.random())
                while not (held := await leased(rt, place.workspace.id)):
                    assert not load.is_over
                for worker in installation.workers:
                    worker.kill()
                began = time.monotonic()
                while await still_waiting(rt, place.workspace.id, held):
                    assert time.monotonic() - began < TAKEN_OVER_IN
                    await asyncio.sleep(0.02)
                times.append(time.monotonic() - began)
                book = await asyncio.to_thread(load.finish, 120)
            await drained(rt, place.workspace, 60)
            assert not (await judge(rt, place, book)).faults
        tell(f"both workers killed: what they held was settled after {sorted(round(each, 1) for each in times)} s")
        await rt.close()


async def test_without_valkey_for_long_ingest_stays_up_and_work_goes_on(tmp_path: Path) -> None:
    """It hangs for twenty seconds; `cdp up` would start a dead one again at once."""
    with installed(tmp_path) as installation:
        rt = await Runtime.open(installation.settings, pool_size=2)
        place = await tenancy(
            rt, installation.settings, tmp_path / "book", name="quiet", messages=3000, people=300, rate=120.0
        )
        with sending(place.order) as load:
            await asyncio.sleep(1)
            installation.valkey.suspend()
            worst = 0
            try:
                for _ in range(100):
                    await asyncio.sleep(0.2)
                    async with rt.begin(place.workspace.id) as tx:
                        waiting = await tx.conn.fetchval("SELECT count(*) FROM ingest_queue")
                    worst = max(worst, waiting)
            finally:
                installation.valkey.resume()
            book = await asyncio.to_thread(load.finish, 120)
        tell(f"without Valkey for 20 s: at most {worst} of 120 messages a second waited, {dict(book.answers)}")
        assert book.answers.keys() <= {"200", "202"}
        assert worst < 120 * 4
        await drained(rt, place.workspace, 30)
        assert not (await judge(rt, place, book)).faults
        await rt.close()
