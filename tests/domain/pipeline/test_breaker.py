"""The circuit breaker: nothing that arrives makes a region of people that no batch can carry, and nothing is lost."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

from app.core.runtime import Runtime
from app.domain import policies
from app.domain.replay import verify
from app.identity.policy import NamespaceRule, Policy
from app.workers.refresh import refresh_due
from tests.make import Message, Tenant, record, tenant
from tests.properties.snapshot import snapshot

NARROW = replace(Policy(), max_component=4)
TABLET = replace(Policy(), namespaces={**Policy().namespaces, "device_id": NamespaceRule(10, 5, 2)})


def chain(*names: str) -> list[Message]:
    """Records of which each shares a card with the next."""
    ends = list(pairwise(["", *names, ""]))
    return [
        record(name, identifiers=[("card", card) for card in (f"{before}-{name}", f"{name}-{after}") if card[0] != "-"])
        for name, (before, _), (_, after) in zip(names, ends, ends[1:], strict=False)
    ]


async def alerts(one: Tenant) -> list[tuple[str, Any, int]]:
    rows = await one.rows(
        "SELECT kind, namespace, size FROM alerts WHERE workspace_id = :workspace_id AND settled_at IS NULL"
    )
    return [(row["kind"], row["namespace"], row["size"]) for row in rows]


async def test_a_component_beyond_its_cap_takes_no_new_link_and_raises_an_alert(rt: Runtime) -> None:
    one = await tenant(rt, policy=NARROW)
    await one.take(chain("a", "b", "c", "d"))
    assert len((await snapshot(one)).live) == 1
    await one.take([record("e", {"plan": "pro"}, [("card", "d-")])])
    now = await snapshot(one)
    assert sorted(len(group) for group in now.partition) == [1, 4]
    assert await alerts(one) == [("component_frozen", None, 5)]


async def test_what_was_held_back_links_once_the_policy_allows_it(rt: Runtime) -> None:
    one = await tenant(rt, policy=NARROW)
    await one.take(chain("a", "b", "c", "d"))
    await one.take([record("e", identifiers=[("card", "d-")])])
    async with rt.begin(one.id) as tx:
        held = await policies.in_force(tx, one.keyring)
        await policies.put(tx, one.keyring, held.version, replace(held, max_component=5), now=rt.now())
    await refresh_due(rt, 1)
    assert [len(group) for group in (await snapshot(one)).partition] == [5]


async def test_a_withheld_record_stays_apart_when_it_is_heard_of_again(rt: Runtime) -> None:
    one = await tenant(rt, policy=NARROW)
    await one.take(chain("a", "b", "c", "d"))
    for at in (1, 2):
        await one.take([record("e", {"plan": f"p{at}"}, [("card", "d-")], at=at)])
    assert sorted(len(group) for group in (await snapshot(one)).partition) == [1, 4]


async def test_an_identifier_that_goes_generic_raises_an_alert_and_settles_it_by_itself(rt: Runtime) -> None:
    one = await tenant(rt, policy=TABLET)
    await one.take([record(key, identifiers=[("device_id", "tablet")], at=int(key)) for key in "123"])
    assert await alerts(one) == [("generic_identifier", "device_id", 3)]
    await one.take([record("3", at=4, deleted=True)])
    assert await alerts(one) == []


async def test_verification_finds_nothing_wrong_with_what_is_held_back(rt: Runtime) -> None:
    one = await tenant(rt, policy=NARROW)
    await one.take(chain("a", "b", "c", "d"))
    await one.take([record("e", identifiers=[("card", "d-")])])
    async with rt.begin(one.id) as tx:
        assert not (await verify(rt.key_service, tx)).found
