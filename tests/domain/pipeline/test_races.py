"""Two writers at one person: the second waits, and then sees what the first one did."""

import asyncio

from app.core.runtime import Runtime
from app.domain.pipeline import STEPS
from app.domain.pipeline.batch import Batch
from tests.make import Message, Tenant, record, tenant
from tests.properties.oracle import meaning
from tests.properties.snapshot import assert_means, assert_sound, snapshot


async def one_waits_for_the_other(one: Tenant, first: list[Message], second: list[Message]) -> None:
    """Let the second batch run into what the first one holds, then let both go on."""
    holds, go_on = asyncio.Event(), asyncio.Event()

    async def hold(_: Batch) -> None:
        holds.set()
        await go_on.wait()

    await one.append(first)
    slow = one.processor(steps=(*STEPS[:-1], ("hold", hold), STEPS[-1]))
    lease = await slow.claim(one.id)
    assert lease is not None
    working = asyncio.create_task(slow.process(lease))
    await holds.wait()
    await one.append(second)
    waiting = asyncio.create_task(one.processor().drain(one.id))
    await somebody_waits(one)
    go_on.set()
    await asyncio.gather(working, waiting)


async def somebody_waits(one: Tenant) -> None:
    """Until a connection of this server stands at a lock."""
    for _ in range(500):
        if (await one.rows("SELECT count(*) AS many FROM pg_locks WHERE NOT granted"))[0]["many"]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits for anybody")


async def both_are_seen(one: Tenant, *batches: list[Message]) -> None:
    now = await snapshot(one)
    messages = [message for batch in batches for message in batch]
    assert_sound(now, one, frozenset({"plan"}))
    assert_means(now, one, meaning(messages, one.policy, {"crm": 10, "shop": 5, "web": 0}, {}))


async def test_a_record_whose_profile_moves_meanwhile_is_written_where_it_went(rt: Runtime) -> None:
    one = await tenant(rt)
    first = [record("1", {"email": "ann@mail.example"}, at=5)]
    await one.take(first)
    older = [record("2", {"email": "ann@mail.example"}, at=1)]
    trait_only = [record("1", {"first_name": "Ann"}, at=6)]
    await one_waits_for_the_other(one, older, trait_only)
    await both_are_seen(one, first, older, trait_only)


async def test_a_profile_that_grows_into_a_component_meanwhile_is_seen(rt: Runtime) -> None:
    one = await tenant(rt)
    first = [record("1", {"email": "ann@mail.example"}, at=5), record("2", {"email": "bob@mail.example"}, at=6)]
    for message in first:  # one by one: the component keeps the number of the record that came first
        await one.take([message])
    bridge = [record("3", {"email": "ann@mail.example", "phone": "+493012345601"}, at=1),
              record("2", {"phone": "+493012345601"}, at=7)]  # fmt: skip
    trait_only = [record("1", {"plan": "pro"}, at=6)]
    await one_waits_for_the_other(one, bridge, trait_only)
    await both_are_seen(one, first, bridge, trait_only)


async def test_a_record_that_parts_meanwhile_is_seen_where_it_went(rt: Runtime) -> None:
    one = await tenant(rt)
    first = [record("1", {"email": "ann@mail.example"}, at=5), record("2", {"email": "ann@mail.example"}, at=6)]
    await one.take(first)
    parts = [record("1", {"email": "bob@mail.example"}, at=7)]
    trait_only = [record("2", {"plan": "pro"}, at=8)]
    await one_waits_for_the_other(one, parts, trait_only)
    await both_are_seen(one, first, parts, trait_only)


async def test_a_newcomer_waits_for_whoever_gives_its_identifier_up(rt: Runtime) -> None:
    one = await tenant(rt)
    first = [record("1", {"email": "ann@mail.example"}, at=5)]
    await one.take(first)
    gives_up = [record("1", {"email": "bob@mail.example"}, at=7)]
    newcomer = [record("2", {"email": "ann@mail.example"}, at=8)]
    await one_waits_for_the_other(one, gives_up, newcomer)
    await both_are_seen(one, first, gives_up, newcomer)


async def test_a_newcomer_finds_a_component_that_took_another_number_meanwhile(rt: Runtime) -> None:
    one = await tenant(rt)
    first = [record("1", {"email": "ann@mail.example"}, at=1), record("2", {"email": "bob@mail.example"}, at=2)]
    for message in first:
        await one.take([message])
    bridge = [record("3", {"email": "ann@mail.example", "phone": "+493012345601"}, at=3),
              record("2", {"phone": "+493012345601"}, at=4)]  # fmt: skip
    newcomer = [record("1", {"plan": "pro"}, at=5), record("4", {"email": "bob@mail.example"}, at=6)]
    await one_waits_for_the_other(one, bridge, newcomer)
    await both_are_seen(one, first, bridge, newcomer)
