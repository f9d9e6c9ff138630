"""Whatever the order, the batches and the repetitions: the profiles are what the messages mean."""

import pytest
from hypothesis import HealthCheck, given, settings

from app.core.runtime import Runtime
from tests.make import tenant
from tests.properties.histories import DEFINED, PRIORITIES, PUBLIC, RULES, History, histories
from tests.properties.oracle import meaning
from tests.properties.snapshot import assert_means, assert_sound, snapshot

quick = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


async def profiles_are_what_the_messages_mean(rt: Runtime, history: History) -> None:
    one = await tenant(rt, policy=history.policy, priorities=PRIORITIES, traits=DEFINED)
    for batch, size in zip(history.batches, history.sizes, strict=True):
        await one.take(batch, batch_size=size)
        assert_sound(await snapshot(one), one, PUBLIC)
    assert_means(await snapshot(one), one, meaning(history.messages, history.policy, PRIORITIES, RULES))


@quick
@given(histories())
async def test_profiles_are_what_the_messages_mean(rt: Runtime, history: History) -> None:
    await profiles_are_what_the_messages_mean(rt, history)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@settings(quick, max_examples=3000)
@given(histories(most=25))
async def test_profiles_are_what_thousands_of_longer_histories_mean(rt: Runtime, history: History) -> None:
    await profiles_are_what_the_messages_mean(rt, history)
