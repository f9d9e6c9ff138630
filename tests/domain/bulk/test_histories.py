"""Whatever a workspace has lived through, resolving it at once finds what one by one has left."""

import pytest
from hypothesis import given

from app.core.runtime import Runtime
from app.domain import policies
from app.domain.bulk.engine import Duck
from app.domain.bulk.resolve import resolve
from tests.domain.bulk.crowd import same_as_one_by_one
from tests.properties.histories import History, ruled
from tests.properties.pace import tries
from tests.properties.snapshot import snapshot
from tests.properties.walk import begun

pytest.importorskip("duckdb")


async def is_the_same_at_once(rt: Runtime, history: History) -> None:
    walk = await begun(rt, history)
    before, one = await walk.take(), walk.one
    async with rt.begin(one.id) as tx:
        policy = await policies.in_force(tx, one.keyring)
    await same_as_one_by_one(one, policy)
    async with rt.begin(one.id) as tx:
        await resolve(tx, one.keyring, Duck("500MB"), None, lambda *_: None, now=rt.now())
    assert await snapshot(one) == before, "there is nothing left to do"


@tries(25)
@given(ruled())
async def test_at_once_is_what_one_by_one_has_left(rt: Runtime, history: History) -> None:
    await is_the_same_at_once(rt, history)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@tries(500)
@given(ruled(most=25))
async def test_at_once_is_what_one_by_one_has_left_in_any_case(rt: Runtime, history: History) -> None:
    await is_the_same_at_once(rt, history)
