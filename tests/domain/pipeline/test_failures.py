"""A batch that fails: whose fault it is decides who waits, who is tried again and who is set aside."""

from collections import Counter
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from app.core.errors import Refused, Unavailable
from app.core.runtime import Runtime
from app.domain.pipeline import STEPS
from app.domain.pipeline.batch import Batch
from app.domain.pipeline.run import Step
from app.workers.process import Processor
from tests.make import Tenant, record, tenant
from tests.properties.snapshot import snapshot

Raising = Callable[[Batch], Exception | None]


def steps_that(raises: Raising) -> tuple[tuple[str, Step], ...]:
    """The pipeline, with a step before the last one that may raise."""

    async def maybe(batch: Batch) -> None:
        if (failure := raises(batch)) is not None:
            raise failure

    return (*STEPS[:-1], ("maybe", maybe), STEPS[-1])


def on_the_poison(failure: Exception) -> Raising:
    return lambda batch: failure if any(word.key == "poison" for word in batch.words) else None


async def tried(one: Tenant, processor: Processor, times: int) -> list[BaseException]:
    """Work off what is due, as often as that; return what was raised."""
    raised: list[BaseException] = []
    for _ in range(times):
        try:
            await processor.drain(one.id)
        except Exception as failure:  # noqa: BLE001
            raised.append(failure)
        await one.let_leases_end()
    return raised


async def fates(one: Tenant) -> Counter[tuple[str, str | None]]:
    rows = await one.rows("SELECT fate, reason FROM fates WHERE workspace_id = :workspace_id")
    return Counter((row["fate"], row["reason"]) for row in rows)


async def waiting(one: Tenant) -> list[int]:
    """How often each waiting message was tried."""
    rows = await one.rows("SELECT attempts FROM ingest_queue WHERE workspace_id = :workspace_id ORDER BY log_id")
    return [row["attempts"] for row in rows]


async def test_a_message_that_raises_goes_to_quarantine_after_three_tries_and_its_neighbours_go_on(
    rt: Runtime,
) -> None:
    one = await tenant(rt)
    await one.append([record(key) for key in ("1", "2", "poison", "3", "4")])
    bad = one.processor(steps=steps_that(on_the_poison(ValueError("no such thing"))))
    assert await tried(one, bad, 1) == []
    assert await fates(one) == {("applied", None): 4}
    assert await waiting(one) == [1]
    assert await tried(one, bad, 2) == []
    assert await fates(one) == {("applied", None): 4, ("quarantined", "failed"): 1}
    assert await waiting(one) == []
    (kept,) = await one.rows("SELECT detail FROM quarantine WHERE workspace_id = :workspace_id")
    assert kept["detail"] == "Processing raised ValueError."
    assert len((await snapshot(one)).live) == 4


async def test_a_message_that_is_refused_keeps_the_sentence_and_the_code_of_the_refusal(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.append([record("poison")])
    await tried(one, one.processor(steps=steps_that(on_the_poison(Refused("Too much of it.", code="too_much")))), 3)
    (kept,) = await one.rows("SELECT code, detail FROM quarantine WHERE workspace_id = :workspace_id")
    assert dict(kept) == {"code": "too_much", "detail": "Too much of it."}


async def test_what_the_database_refuses_as_content_is_set_aside(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.append([record("1"), record("poison")])

    async def store(batch: Batch) -> None:
        for word in batch.words:
            text = "a\0" if word.key == "poison" else "a"
            await batch.tx.conn.fetchval("SELECT CAST($1 AS text)", text)

    await tried(one, one.processor(steps=(*STEPS, ("store", store))), 3)
    assert await fates(one) == {("applied", None): 1, ("quarantined", "failed"): 1}


async def test_a_message_may_be_well_again_before_its_tries_are_spent(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.append([record("poison")])
    left = [ValueError(), ValueError()]
    await tried(one, one.processor(steps=steps_that(lambda _: left.pop() if left else None)), 3)
    assert await fates(one) == {("applied", None): 1}


async def missing_table(batch: Batch) -> None:
    await batch.tx.conn.execute("SELECT * FROM no_such_table")


async def database_gone(batch: Batch) -> None:
    batch.tx.conn.terminate()
    await batch.tx.conn.execute("SELECT 1")


async def key_file_gone(_: Batch) -> None:
    raise FileNotFoundError


async def unavailable(_: Batch) -> None:
    raise Unavailable("The key service does not answer.")


@pytest.mark.parametrize(
    ("step", "raises"),
    [
        (missing_table, asyncpg.UndefinedTableError),
        (database_gone, Unavailable),
        (key_file_gone, FileNotFoundError),
        (unavailable, Unavailable),
    ],
)
async def test_a_fault_of_the_house_sets_no_message_aside_however_long_it_lasts(
    rt: Runtime, step: Callable[[Batch], Awaitable[None]], raises: type[Exception]
) -> None:
    one = await tenant(rt)
    await one.append([record("1"), record("2")])
    broken = one.processor(steps=(*STEPS[:2], ("broken", step), *STEPS[2:]))
    raised = await tried(one, broken, 6)
    assert [type(failure) for failure in raised] == [raises] * 6
    assert await waiting(one) == [0, 0]
    assert await fates(one) == {}
    await one.processor().drain(one.id)
    assert await fates(one) == {("applied", None): 2}


@pytest.mark.parametrize(
    "failure",
    [asyncpg.DeadlockDetectedError("deadlock"), asyncpg.SerializationError("serialize"),
     asyncpg.LockNotAvailableError("lock")],
)  # fmt: skip
async def test_writers_in_each_others_way_try_again_and_no_try_is_counted(rt: Runtime, failure: Exception) -> None:
    one = await tenant(rt)
    await one.append([record("1"), record("2")])
    left = [failure] * 3
    assert await tried(one, one.processor(steps=steps_that(lambda _: left.pop() if left else None)), 1) == []
    assert await fates(one) == {("applied", None): 2}


async def test_a_batch_that_never_gets_through_is_given_back_untried(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.append([record("1")])
    stuck = one.processor(steps=steps_that(lambda _: asyncpg.DeadlockDetectedError("deadlock")))
    lease = await stuck.claim(one.id)
    assert lease is not None
    assert await stuck.process(lease) == 0
    assert await waiting(one) == [0]


async def test_a_worker_that_was_paused_past_its_lease_writes_nothing(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.append([record("1", {"plan": "pro"})])
    paused = one.processor()
    lease = await paused.claim(one.id)
    assert lease is not None
    await one.let_leases_end()
    assert await one.processor().drain(one.id) == 1
    before = await snapshot(one)
    assert await paused.process(lease) == 0
    assert (await snapshot(one)).profiles == before.profiles


async def test_what_was_in_a_batch_that_died_comes_back_in_small_company_and_at_last_alone(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.append([record(str(key)) for key in range(40)])
    sizes = []
    for _ in range(4):
        lease = await one.processor().claim(one.id)  # and then the worker dies
        assert lease is not None
        sizes.append((len(lease.attempts), max(lease.attempts.values())))
        await one.let_leases_end()
    assert sizes == [(40, 1), (32, 2), (1, 3), (1, 4)]
