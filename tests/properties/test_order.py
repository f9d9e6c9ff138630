"""Whatever the order, the batches and the repetitions: the profiles are what was sent and decided means."""

import pytest
from hypothesis import given

from app.core.runtime import Runtime
from tests.properties.histories import PUBLIC, History, decided, ruled
from tests.properties.pace import tries
from tests.properties.snapshot import assert_means, assert_sound, snapshot
from tests.properties.walk import begun

quick = tries(150)


async def profiles_are_what_was_said(rt: Runtime, history: History) -> None:
    walk = await begun(rt, history)
    async for now in walk.steps():
        assert_sound(now, walk.desk.tenant, PUBLIC)
    assert_means(await snapshot(walk.one), walk.one, walk.meaning())


@quick
@given(decided())
async def test_profiles_are_what_the_messages_and_the_decisions_mean(rt: Runtime, history: History) -> None:
    await profiles_are_what_was_said(rt, history)


@tries(60)
@given(ruled())
async def test_profiles_are_what_they_mean_under_the_rules_of_today(rt: Runtime, history: History) -> None:
    await profiles_are_what_was_said(rt, history)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@tries(3000)
@given(decided(most=25))
async def test_profiles_are_what_thousands_of_longer_histories_mean(rt: Runtime, history: History) -> None:
    await profiles_are_what_was_said(rt, history)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@tries(2000)
@given(ruled(most=25))
async def test_profiles_are_what_thousands_of_longer_histories_mean_under_the_rules_of_today(
    rt: Runtime, history: History
) -> None:
    await profiles_are_what_was_said(rt, history)
