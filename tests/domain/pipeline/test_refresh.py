"""When the rules change, every profile becomes what the data and the new rules say."""

from dataclasses import replace

from app.core.runtime import Runtime
from app.domain import catalog, policies, refreshes, sources
from app.domain.catalog import Trait
from app.identity.policy import NAMESPACES, NamespaceRule, Policy
from app.workers.refresh import RECORDS_A_BATCH, refresh_due
from tests.make import RECEIVED, Message, Tenant, record, tenant
from tests.properties.oracle import meaning
from tests.properties.snapshot import assert_means, assert_sound, snapshot

PRIORITIES = {"crm": 10, "shop": 5, "web": 0}


async def put(one: Tenant, policy: Policy) -> Tenant:
    """The tenant under a new policy, every profile derived again."""
    async with one.rt.begin(one.id) as tx:
        held = await policies.put(
            tx, one.keyring, (await policies.in_force(tx, one.keyring)).version, policy, now=RECEIVED
        )
    assert await refresh_due(one.rt, 1) > 0
    return replace(one, policy=held)


async def means(one: Tenant, messages: list[Message], rules: dict[str, str] | None = None) -> None:
    now = await snapshot(one)
    assert_sound(now, one, frozenset({"plan"}))
    assert_means(now, one, meaning(messages, one.policy, PRIORITIES, rules or {}))


async def live(one: Tenant) -> int:
    return sum(profile.live for profile in (await snapshot(one)).profiles.values())


def limits(**records: int) -> Policy:
    return Policy(namespaces={**NAMESPACES, **{name: NamespaceRule(60, 5, most) for name, most in records.items()}})


async def test_a_lower_limit_takes_a_shared_mailbox_apart_and_a_higher_one_unites_it_again(rt: Runtime) -> None:
    one = await tenant(rt)
    said = [record(str(n), {"email": "info@firm.example", "plan": f"p{n}"}, at=n) for n in range(4)]
    await one.take(said)
    one = await put(one, limits(email=3))
    await means(one, said)
    assert await live(one) == 4
    one = await put(one, limits(email=4))
    await means(one, said)
    assert await live(one) == 1


async def test_a_value_that_the_policy_blocks_links_nobody_until_it_is_freed(rt: Runtime) -> None:
    one = await tenant(rt)
    said = [record(str(n), {"plan": f"p{n}"}, [("loyalty_card", "9")], at=n) for n in range(2)]
    await one.take(said)
    one = await put(one, Policy(blocked_values={"loyalty_card": frozenset({"9"})}))
    await means(one, said)
    assert await live(one) == 2
    one = await put(one, Policy())
    await means(one, said)
    assert await live(one) == 1


async def test_a_new_rule_of_a_trait_chooses_again_among_the_claims(rt: Runtime) -> None:
    one = await tenant(rt)
    said = [
        record("1", {"email": "ann@mail.example", "plan": "pro"}, at=1),
        record("2", {"email": "ann@mail.example", "plan": "free"}, source="shop", at=2),
    ]
    await one.take(said)
    async with one.rt.begin(one.id) as tx:
        await catalog.define(tx, Trait("plan", "string", "public", "earliest"), now=RECEIVED)
        assert await refreshes.is_under_way(tx)
    await refresh_due(one.rt, 1)
    await means(one, said, {"plan": "earliest"})
    reasons = await one.rows("SELECT reason FROM profile_versions WHERE workspace_id = :workspace_id ORDER BY version")
    assert reasons[-1]["reason"] == "rules_changed"


async def test_a_trait_that_becomes_personal_leaves_what_sql_can_see(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.take([record("1", {"email": "ann@mail.example", "plan": "pro"})])
    async with one.rt.begin(one.id) as tx:
        await catalog.define(tx, Trait("plan", "string", "personal"), now=RECEIVED)
    await refresh_due(one.rt, 1)
    (held,) = await one.rows("SELECT public, version FROM profiles WHERE workspace_id = :workspace_id")
    assert held == {"public": {}, "version": 1}


async def test_a_source_that_is_trusted_more_wins_what_priority_decides(rt: Runtime) -> None:
    one = await tenant(rt)
    async with one.rt.begin(one.id) as tx:
        await catalog.define(tx, Trait("plan", "string", "public", "source_priority"), now=RECEIVED)
    await refresh_due(one.rt, 1)
    await one.take(
        [
            record("1", {"email": "ann@mail.example", "plan": "pro"}, at=1),
            record("2", {"email": "ann@mail.example", "plan": "free"}, source="shop", at=2),
        ]
    )
    async with one.rt.begin(one.id) as tx:
        shop = await sources.by_name(tx, "shop")
        await sources.declare(tx, replace(shop, priority=99), now=RECEIVED)
    await refresh_due(one.rt, 1)
    (held,) = await one.rows("SELECT public FROM profiles WHERE workspace_id = :workspace_id AND live")
    assert held["public"] == {"plan": "free"}


async def test_a_walk_longer_than_a_batch_reaches_everybody(rt: Runtime) -> None:
    one = await tenant(rt)
    many = RECORDS_A_BATCH + 7
    said = [record(str(n), {"email": f"p{n}@mail.example", "plan": "pro"}, at=n) for n in range(many)]
    await one.take(said)
    async with one.rt.begin(one.id) as tx:
        await catalog.define(tx, Trait("plan", "string", "sensitive"), now=RECEIVED)
    assert await refresh_due(one.rt, 1) >= many
    rows = await one.rows("SELECT count(*) AS left FROM profiles WHERE workspace_id = :workspace_id AND public <> '{}'")
    assert rows[0]["left"] == 0
    async with one.rt.begin(one.id) as tx:
        assert not await refreshes.is_under_way(tx)
