"""Whatever the order, the batches and the repetitions: the profiles are what was sent and decided means."""

import pytest
from hypothesis import HealthCheck, given, settings

from app.core.runtime import Runtime
from tests.properties.histories import PUBLIC, History, decided
from tests.properties.snapshot import assert_means, assert_sound, snapshot
from tests.properties.walk import Walk, tenant_of

quick = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


async def profiles_are_what_was_said(rt: Runtime, history: History) -> None:
    walk = Walk(await tenant_of(rt, history), history)
    async for now in walk.steps():
        assert_sound(now, walk.desk.tenant, PUBLIC)
    assert_means(await snapshot(walk.one), walk.one, walk.meaning())


@quick
@given(decided())
async def test_profiles_are_what_the_messages_and_the_decisions_mean(rt: Runtime, history: History) -> None:
    await profiles_are_what_was_said(rt, history)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@settings(quick, max_examples=3000)
@given(decided(most=25))
async def test_profiles_are_what_thousands_of_longer_histories_mean(rt: Runtime, history: History) -> None:
    await profiles_are_what_was_said(rt, history)
