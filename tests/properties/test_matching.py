"""Records that share no identifier are matched as if all had been compared at once, whatever came first."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.runtime import Runtime
from app.domain.golden import dump
from tests.make import Message, Tenant, record
from tests.properties.alike import REVIEW, Glance, beside, compared, matching
from tests.properties.cast import CAST
from tests.properties.histories import PRIORITIES, PUBLIC, RULES, SINGLE, History, likenesses
from tests.properties.oracle import Meaning, meaning
from tests.properties.pace import tries
from tests.properties.snapshot import Snapshot, assert_means, assert_sound, snapshot
from tests.properties.walk import Walk, tenant_of

quick = tries(30)
limits = st.integers(2, 4)
"""How many records may carry a blocking key before it brings no candidates."""


def meant(messages: Sequence[Message], history: History, most: int) -> Meaning:
    return meaning(messages, history.policy, PRIORITIES, RULES, beside=lambda live: beside(live, Glance(most), SINGLE))


async def assert_compared(now: Snapshot, one: Tenant, what: Meaning, most: int) -> None:
    """The pairs that are kept are those that score enough, and every live record is known by its keys."""
    names = {held.id: held.name for held in now.records.values()}
    rows = await one.rows("SELECT a, b, score FROM pairs WHERE workspace_id = :workspace_id")
    live = [each for each in what.records.values() if each.live]
    assert {frozenset({names[row["a"]], names[row["b"]]}): row["score"] for row in rows} == {
        pair: score for pair, score in compared(live, Glance(most)).items() if score >= REVIEW
    }
    known = await one.rows("SELECT record_id FROM match_features WHERE workspace_id = :workspace_id")
    assert {names[row["record_id"]] for row in known} == {each.name for each in live}


async def people_are_matched(rt: Runtime, history: History, most: int) -> None:
    walk = Walk(await tenant_of(rt, history), history, settings={"steps": matching(most)})
    async for now in walk.steps():
        assert_sound(now, walk.one, PUBLIC)
    now, what = await snapshot(walk.one), meant(history.messages, history, most)
    await assert_compared(now, walk.one, what, most)
    assert_means(now, walk.one, what)


@tries(80)
@given(likenesses(), limits)
async def test_people_are_matched_as_if_all_had_been_there_at_once(rt: Runtime, history: History, most: int) -> None:
    await people_are_matched(rt, history, most)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@tries(3000)
@given(likenesses(most=25), st.integers(1, 6))
async def test_people_are_matched_over_thousands_of_longer_histories(rt: Runtime, history: History, most: int) -> None:
    await people_are_matched(rt, history, most)


@quick
@given(likenesses(), limits, st.integers(2, 4))
async def test_writers_at_the_same_time_match_as_one_does(
    rt: Runtime, history: History, most: int, writers: int
) -> None:
    one = await tenant_of(rt, history)
    first, *others = history.batches
    await one.take(first, steps=matching(most))
    for batch in others:
        await one.append(batch)
    hands = [one.processor(batch_size=1 + number % 3, steps=matching(most)) for number in range(writers)]
    await asyncio.gather(*(hand.drain(one.id) for hand in hands))
    await one.take([], steps=matching(most))  # whatever a hand gave back
    assert not await one.rows("SELECT FROM ingest_queue WHERE workspace_id = :workspace_id")
    now, what = await snapshot(one), meant(history.messages, history, most)
    assert_sound(now, one, PUBLIC)
    await assert_compared(now, one, what, most)
    assert_means(now, one, what)


@quick
@given(likenesses(), limits, st.sampled_from([1, 2, 1000]), st.booleans())
async def test_a_crowd_under_a_blocking_key_that_comes_and_goes_leaves_all_as_it_was(
    rt: Runtime, history: History, most: int, size: int, deleted: bool
) -> None:
    one = await tenant_of(rt, history)
    await one.take(history.messages, steps=matching(most))
    before = await people(one)
    said = {"last_name": CAST[0].names[0][1], "birthday": CAST[0].birthdays[0]}
    coming = [record(f"c{n}", said, source="web", at=9, id=f"c{n}") for n in range(most + 1)]
    await one.take(coming, batch_size=size, steps=matching(most))
    now, what = await snapshot(one), meant([*history.messages, *coming], history, most)
    assert_sound(now, one, PUBLIC)
    await assert_compared(now, one, what, most)
    assert_means(now, one, what)
    going = [
        record(f"c{n}", dict.fromkeys(said), source="web", at=10, deleted=deleted, id=f"g{n}") for n in range(most + 1)
    ]
    await one.take(going, batch_size=size, steps=matching(most))
    assert {
        members: content for members, content in (await people(one)).items() if not _of_the_crowd(members)
    } == before


async def people(one: Tenant) -> dict[frozenset[tuple[str, str]], object]:
    """Who is together, and all that each profile says."""
    now = await snapshot(one)
    return {
        frozenset(now.records[id].name for id in now.members[profile.id]): dump(profile.content)
        for profile in now.live.values()
    }


def _of_the_crowd(members: frozenset[tuple[str, str]]) -> bool:
    return all(key.startswith("c") for _, key in members)
