"""Any number of writers at the same people give what one writer gives, while people are decided on."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.runtime import Runtime
from tests.properties.histories import PUBLIC, History, decided, lives, ruled
from tests.properties.pace import tries
from tests.properties.snapshot import assert_means, assert_sound, snapshot, versions
from tests.properties.walk import begun

quick = tries(50)


async def writers_together(rt: Runtime, history: History, writers: int) -> None:
    walk = await begun(rt, history)
    one = walk.one
    sent = asyncio.Event()
    first = history.messages[: len(history.messages) // 3]
    await one.take(first)  # so that the rest changes people who are there

    async def send() -> None:
        for batch in history.batches:
            await one.append(batch)
        sent.set()

    async def write(size: int) -> None:
        processor = one.processor(batch_size=size)
        while not sent.is_set():
            await processor.drain(one.id)
        await processor.drain(one.id)

    async def decide() -> None:
        for acts in history.acts:
            for act in acts:
                await walk.desk.do(act)

    await asyncio.gather(send(), decide(), *(write(1 + number % 3) for number in range(writers)))
    assert not await one.rows("SELECT FROM ingest_queue WHERE workspace_id = :workspace_id")
    now = await snapshot(one)
    assert_sound(now, walk.desk.tenant, PUBLIC)
    assert_means(now, one, walk.meaning())
    for id, told in (await versions(one)).items():
        assert [version.number for version in told] == list(range(1, now.profiles[id].version + 1))


@quick
@given(lives, st.integers(2, 4))
async def test_writers_at_the_same_time_give_what_one_gives(rt: Runtime, history: History, writers: int) -> None:
    await writers_together(rt, history, writers)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@tries(1500)
@given(st.one_of(decided(most=25), ruled(most=25)), st.integers(2, 6))
async def test_writers_at_the_same_time_over_thousands_of_histories(
    rt: Runtime, history: History, writers: int
) -> None:
    await writers_together(rt, history, writers)
