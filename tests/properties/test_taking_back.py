"""Taking something back gives what never having had it gives: a record, a merge, a verdict."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.core.runtime import Runtime
from app.domain.golden import dump
from app.identity.policy import Matching, Policy
from tests.make import Message, minute, record
from tests.properties.acts import Decide, Verdict
from tests.properties.histories import PUBLIC, History, lives, matchings, policies, ruled
from tests.properties.oracle import Name
from tests.properties.pace import tries
from tests.properties.snapshot import Snapshot, assert_means, assert_sound, snapshot
from tests.properties.walk import begun, meaning_of

quick = tries(40)
LAST, LATER = 70, 80
"""Minutes after everything that a history tells."""


def profiles(now: Snapshot) -> Mapping[int, Any]:
    """Every profile by its id: who is in it and all that it says."""
    return {id: (now.members[id], dump(profile.content)) for id, profile in now.live.items()}


def everything(now: Snapshot) -> tuple[Any, ...]:
    """All that can be seen of the people: profiles, links, what waits, how far each can reach, where old ids lead."""
    places = {id: (record.profile_id, record.component_id) for id, record in now.records.items()}
    return profiles(now), now.links, now.reviews, places, {id: now.answer(id) for id in now.records}


def at_the_end(name: Name, at: int, *, deleted: bool = False) -> Message:
    """What a source says of a record when everything else is said."""
    source, key = name
    said = {} if deleted else {"plan": "pro"}
    id = f"{source}-{key}-at-{at}"
    return record(key, said, source=source, at=at, deleted=deleted, received_at=minute(at), id=id)


@quick
@given(lives, st.data())
async def test_removing_records_gives_what_never_having_had_them_gives(
    rt: Runtime, history: History, data: st.DataObject
) -> None:
    walk = await begun(rt, history)
    await walk.take()
    names = sorted({(m.source, m.said["key"]) for m in history.messages if "key" in m.said})
    gone = data.draw(st.sets(st.sampled_from(names), max_size=2)) if names else set()
    gone |= {min(pair) for pair in walk.desk.decided if data.draw(st.booleans())}  # a verdict waits for their return
    ends = [at_the_end(name, LAST, deleted=True) for name in sorted(gone)]
    await walk.one.take(ends, batch_size=data.draw(st.sampled_from([1, 1000])))
    now = await snapshot(walk.one)
    assert_sound(now, walk.desk.tenant, PUBLIC)
    everybody = History(history.policy, (*history.batches, tuple(ends)), ())
    after = meaning_of(everybody, walk.desk)
    assert_means(now, walk.one, after)
    kept = tuple(m for m in history.messages if (m.source, m.said.get("key")) not in gone)
    never = meaning_of(History(history.policy, (kept,), ()), walk.desk)
    assert (after.profiles, after.links, after.reviews, after.components) == (
        never.profiles, never.links, never.reviews, never.components,
    )  # fmt: skip
    back = [at_the_end(name, LATER) for name in sorted(gone)]
    await walk.one.take(back)
    returned = History(history.policy, (*everybody.batches, tuple(back)), ())
    assert_means(await snapshot(walk.one), walk.one, meaning_of(returned, walk.desk))


@quick
@given(lives, st.data())
async def test_a_split_after_a_merge_restores_both_sides_and_revoking_it_everything(
    rt: Runtime, history: History, data: st.DataObject
) -> None:
    walk = await begun(rt, history)
    before = await walk.take()
    if len(before.live) < 2:
        return
    one, other = data.draw(st.permutations(sorted(before.live)))[:2]
    merged = await walk.desk.merge(one, other)
    if merged is None:
        return
    together = await snapshot(walk.one)
    assert_sound(together, walk.desk.tenant, PUBLIC)
    if merged.unfollowed is not None:
        assert profiles(together) == profiles(before)
        return
    (held,) = {together.records[id].profile_id for id in (one, other)}
    assert held is not None
    going = {together.records[id].name for id in together.members[held] & before.members[other]}
    act = await walk.desk.split(held, going)
    parted = await snapshot(walk.one)
    assert_sound(parted, walk.desk.tenant, PUBLIC)
    assert profiles(parted) == profiles(before)
    await walk.desk.take_back(act)
    assert everything(await snapshot(walk.one)) == everything(before)


@quick
@given(lives, st.data())
async def test_a_verdict_that_is_revoked_leaves_no_trace_in_any_profile(
    rt: Runtime, history: History, data: st.DataObject
) -> None:
    walk = await begun(rt, history)
    before = await walk.take()
    names = sorted(held.name for held in before.records.values() if not held.removed)
    if len(names) < 2:
        return
    a, b = data.draw(st.permutations(names))[:2]
    verdict: Verdict = data.draw(st.sampled_from(["same", "different"]))
    ruling = await walk.desk.decide(Decide(verdict, a, b))
    assert_sound(await snapshot(walk.one), walk.desk.tenant, PUBLIC)
    if ruling is None or not ruling.decided:
        return
    await walk.desk.take_back(ruling)
    assert everything(await snapshot(walk.one)) == everything(before)


@tries(30)
@given(ruled(), policies(), matchings)
async def test_rules_that_are_changed_back_give_back_everything(
    rt: Runtime, history: History, other: Policy, matching: Matching
) -> None:
    walk = await begun(rt, history)
    before = await walk.take()
    policy = walk.desk.tenant.policy
    if matching.model not in walk.desk.models:
        matching = replace(matching, model=0)
    await walk.desk.switch(replace(other, namespaces=policy.namespaces, matching=matching))
    assert_sound(await snapshot(walk.one), walk.desk.tenant, PUBLIC)
    await walk.desk.switch(policy)
    assert everything(await snapshot(walk.one)) == everything(before)
