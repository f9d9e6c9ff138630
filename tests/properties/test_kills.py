"""Whoever dies between two statements leaves nothing half done: running on gives what no death gives."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Unavailable
from app.core.runtime import Runtime
from tests.properties.fuse import killed_at
from tests.properties.histories import PUBLIC, History, lives
from tests.properties.pace import tries
from tests.properties.snapshot import assert_means, assert_sound, snapshot, versions
from tests.properties.walk import begun

quick = tries(40)


@quick
@given(lives, st.lists(st.integers(0, 30), min_size=1, max_size=4))
async def test_dying_between_any_two_statements_changes_nothing(rt: Runtime, history: History, ends: list[int]) -> None:
    walk = await begun(rt, history)
    one, desk = walk.one, walk.desk
    for number, (batch, size) in enumerate(zip(history.batches, history.sizes, strict=True)):
        await one.append(batch)
        for end in ends:
            with suppress(Unavailable):
                await one.processor(batch_size=size, steps=killed_at(end)).drain(one.id)
            await one.let_leases_end()
        await one.processor(batch_size=size).drain(one.id)
        for act in history.acts[number] if history.acts else ():
            desk.fuse = ends[0]
            with suppress(Unavailable):
                await desk.do(act)
                continue
            desk.fuse = None
            await desk.do(act)
    now = await snapshot(one)
    assert_sound(now, desk.tenant, PUBLIC)
    assert_means(now, one, walk.meaning())
    for id, told in (await versions(one)).items():
        assert [version.number for version in told] == list(range(1, now.profiles[id].version + 1))
