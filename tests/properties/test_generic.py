"""An identifier that too many carry links nobody; when they are gone, all is as it was."""

from hypothesis import given
from hypothesis import strategies as st

from app.core.runtime import Runtime
from app.domain.golden import dump
from tests.make import Message, Tenant, record, tenant
from tests.properties.histories import DEFINED, POOLS, PRIORITIES, PUBLIC, RULES, History, histories
from tests.properties.oracle import meaning
from tests.properties.pace import tries
from tests.properties.snapshot import assert_means, assert_sound, snapshot

quick = tries(40)
CROWD = "crowd"


def crowd(identifier: tuple[str, str], many: int) -> list[Message]:
    return [record(f"c{n}", {}, [identifier], source=CROWD, at=9, id=f"c{n}") for n in range(many)]


async def people(one: Tenant) -> dict[frozenset[tuple[str, str]], object]:
    """Who is together, and all that each profile says."""
    now = await snapshot(one)
    return {
        frozenset(now.records[id].name for id in now.members[profile.id]): dump(profile.content)
        for profile in now.live.values()
    }


@quick
@given(
    histories(),
    st.sampled_from(
        [(namespace, value) for namespace in ("email", "anonymous_id", "phone") for value in POOLS[namespace]]
    ),
    st.booleans(),
    st.sampled_from([1, 2, 1000]),
)
async def test_a_crowd_that_comes_and_goes_leaves_all_as_it_was(
    rt: Runtime, history: History, shared: tuple[str, str], deleted: bool, size: int
) -> None:
    one = await tenant(rt, policy=history.policy, priorities={**PRIORITIES, CROWD: 0}, traits=DEFINED)
    await one.take(history.messages)
    before = await people(one)
    coming = crowd(shared, history.policy.rule(shared[0]).max_records + 1)
    await one.take(coming, batch_size=size)
    now = await snapshot(one)
    assert_sound(now, one, PUBLIC)
    everybody = [*history.messages, *coming]
    assert_means(now, one, meaning(everybody, history.policy, {**PRIORITIES, CROWD: 0}, RULES))
    going = [
        record(m.said["key"], None if deleted else {}, None if deleted else [], source=CROWD, at=10, deleted=deleted)
        for m in coming
    ]
    await one.take(going, batch_size=size)
    after = {members: said for members, said in (await people(one)).items() if all(s != CROWD for s, _ in members)}
    assert after == before
