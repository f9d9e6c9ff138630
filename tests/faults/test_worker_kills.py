"""Workers killed with -9: another one goes on, and the end is what no kill gives."""

import asyncio
import time
from random import Random

import pytest

from app.core.runtime import Runtime
from app.core.settings import Settings
from tests.faults import worker
from tests.faults.traffic import traffic
from tests.make import Message, Tenant, event, record, tenant
from tests.properties.histories import DEFINED, PRIORITIES, PUBLIC, RULES, SMALL
from tests.properties.oracle import meaning
from tests.properties.snapshot import Snapshot, assert_means, assert_sound, snapshot, versions

BEFORE = [
    record("1", {"email": "ann@mail.example", "first_name": "Ann"}, at=0, id="b1"),
    record("2", {"email": "bob@mail.example"}, at=1, id="b2"),
    record("3", {"email": "ann@mail.example", "plan": "free"}, at=2, id="b3"),
    record("4", {"phone": "+493012345601"}, [("loyalty_card", "9")], at=2, id="b4"),
    record("5", {"phone": "+493012345601"}, at=3, id="b5"),
]
THEN = [
    record("2", {"email": "ann@mail.example", "tier": "gold", "visits": 3}, at=5, id="t1"),  # two become one
    record("5", {"phone": "+493012345602", "never_seen": "x"}, at=6, id="t2"),  # one becomes two
    record("3", at=7, deleted=True, id="t3"),
    record("6", {"email": "cid@mail.example"}, [("loyalty_card", "10")], at=7, id="t4"),  # somebody new
    event(userId="u1", anonymousId="a1", at=7, id="t5"),
    event("identify", userId="u1", traits={"email": "cid@mail.example"}, at=8, id="t6"),
    event(userId="null", at=8, id="t7"),  # identifies nobody
]


@pytest.fixture
def hurried(settings: Settings) -> Settings:
    return settings.model_copy(update={"lease_seconds": 3})


async def begun(rt: Runtime) -> Tenant:
    one = await tenant(rt, policy=SMALL, priorities=PRIORITIES, traits=DEFINED)
    await one.take(BEFORE)
    await one.append(THEN)
    return one


def as_it_is(now: Snapshot) -> object:
    """Who is where and at which version, by names that two workspaces share."""
    names = {id: record.name for id, record in now.records.items()}
    return {
        (names[id], profile.live, profile.version, frozenset(names[m] for m in now.members.get(id, ())))
        for id, profile in now.profiles.items()
    }


async def nothing_is_lost(one: Tenant, messages: list[Message]) -> None:
    now = await snapshot(one)
    here = "WHERE workspace_id = :workspace_id"
    assert not await one.rows(f"SELECT FROM ingest_queue {here}")
    assert_sound(now, one, PUBLIC)
    assert_means(now, one, meaning(messages, one.policy, PRIORITIES, RULES))
    for id, told in (await versions(one)).items():
        assert [version.number for version in told] == list(range(1, now.profiles[id].version + 1))
    counted = await one.rows(
        "SELECT (SELECT count(*) FROM ingest_log WHERE workspace_id = :workspace_id) AS taken, "
        "(SELECT count(*) FROM fates WHERE workspace_id = :workspace_id) AS settled, "
        "(SELECT count(*) FROM fates WHERE workspace_id = :workspace_id AND fate = 'quarantined') AS refused, "
        "(SELECT count(*) FROM quarantine WHERE workspace_id = :workspace_id) AS aside, "
        "(SELECT count(*) FROM ingest_log WHERE workspace_id = :workspace_id AND kind = 0) AS events, "
        "(SELECT count(*) FROM events WHERE workspace_id = :workspace_id) AS happened"
    )
    (many,) = counted
    assert many["taken"] == many["settled"] == len(messages)
    assert many["refused"] == many["aside"] == many["events"] - many["happened"]


async def test_a_worker_killed_between_any_two_statements_leaves_what_no_kill_leaves(
    rt: Runtime, hurried: Settings
) -> None:
    control = await begun(rt)
    unharmed = worker.start(hurried, control.id)
    assert await asyncio.to_thread(unharmed.wait) == 0
    await nothing_is_lost(control, BEFORE + THEN)
    expected = as_it_is(await snapshot(control))
    moments = unharmed.moments.value
    assert moments > 20, "a batch has many statements"

    tenants = [await begun(rt) for _ in range(moments)]
    for start in range(0, moments, 4):
        group = [worker.start(hurried, tenants[n].id, ends_at=n) for n in range(start, min(start + 4, moments))]
        assert {await asyncio.to_thread(each.wait) for each in group} == {-9}
    await asyncio.sleep(hurried.lease_seconds)
    for one in tenants:
        await one.processor().drain(one.id)
        await nothing_is_lost(one, BEFORE + THEN)
        assert as_it_is(await snapshot(one)) == expected


async def test_a_batch_whose_worker_died_is_taken_over_when_its_lease_ends(rt: Runtime, hurried: Settings) -> None:
    one = await begun(rt)
    dying = worker.start(hurried, one.id, ends_at=6)
    assert await asyncio.to_thread(dying.wait) == -9
    died = time.monotonic()
    assert await one.processor().drain(one.id) == 0, "its lease still stands"
    while not await one.processor().drain(one.id):
        assert time.monotonic() - died < hurried.lease_seconds + 2
        await asyncio.sleep(0.1)
    await nothing_is_lost(one, BEFORE + THEN)


async def test_a_record_that_ends_its_worker_is_set_aside_after_three_of_them_and_takes_nobody_along(
    rt: Runtime, hurried: Settings
) -> None:
    one = await tenant(rt)
    neighbours = [record(str(key)) for key in range(50)]
    await one.append([*neighbours[:25], record(worker.POISON), *neighbours[25:]])
    ended = []
    while await one.rows("SELECT FROM ingest_queue WHERE workspace_id = :workspace_id"):
        ended.append(await asyncio.to_thread(worker.start(hurried, one.id).wait))
        await one.let_leases_end()
        assert len(ended) < 10
    assert ended.count(9) == 3
    assert len((await snapshot(one)).live) == len(neighbours)
    (kept,) = await one.rows("SELECT code FROM quarantine WHERE workspace_id = :workspace_id")
    assert kept["code"] == "poison"


@pytest.mark.parametrize("seed", [1, 2])
async def test_three_processes_at_the_same_people_give_what_one_writer_gives(
    rt: Runtime, hurried: Settings, seed: int
) -> None:
    one = await tenant(rt, policy=SMALL, priorities=PRIORITIES, traits=DEFINED)
    messages = traffic(Random(seed), many=240)
    small = hurried.model_copy(update={"batch_size": 5})
    await one.append(messages)
    three = [worker.start(small, one.id) for _ in range(3)]
    assert [await asyncio.to_thread(each.wait) for each in three] == [0, 0, 0]
    await nothing_is_lost(one, messages)


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_processes_killed_at_any_moment_two_hundred_times_lose_nothing(rt: Runtime, hurried: Settings) -> None:
    rng = Random(7)
    one = await tenant(rt, policy=SMALL, priorities=PRIORITIES, traits=DEFINED)
    patient = hurried.model_copy(update={"max_attempts": 20, "batch_size": 40})
    messages: list[Message] = []
    killed = 0
    while killed < 200:
        fresh = traffic(rng, many=30, start=len(messages))
        messages += fresh
        await one.append(fresh)
        two = [worker.start(patient, one.id) for _ in range(2)]
        await asyncio.sleep(rng.random() * 0.4)
        for each in two:
            killed += each.process.is_alive()
            each.kill()
        await one.let_leases_end()
    await one.processor(max_attempts=20).drain(one.id)
    await nothing_is_lost(one, messages)
