"""A threshold that is moved links and parts people whose scores have not changed."""

from dataclasses import replace

from app.core.runtime import Runtime
from app.domain import policies
from app.identity.policy import Matching
from app.workers.refresh import RECORDS_A_BATCH, refresh_due
from tests.make import Tenant, record, tenant
from tests.properties.snapshot import snapshot

HANNAH = {"first_name": "Hannah", "last_name": "Armitage", "birthday": "1984-05-06", "city": "Leeds"}


async def put(one: Tenant, matching: Matching) -> None:
    async with one.rt.begin(one.id) as tx:
        held = await policies.in_force(tx, one.keyring)
        await policies.put(tx, one.keyring, held.version, replace(held, matching=matching), now=one.rt.now())
    await refresh_due(one.rt, 1)


async def together(one: Tenant) -> list[int]:
    """The sizes of the groups in which the two are. A walk takes them in batches far apart."""
    named = {("crm", "1"), ("shop", "2")}
    now = await snapshot(one)
    return sorted(len(group) for group in now.partition if not named.isdisjoint(group))


async def test_a_lower_threshold_links_and_a_higher_one_parts(rt: Runtime) -> None:
    one = await tenant(rt)
    strangers = [record(f"x{n}", {"plan": f"p{n}"}, at=2) for n in range(RECORDS_A_BATCH + 5)]
    await one.take([record("1", HANNAH)])
    await one.take(strangers)
    await one.take([record("2", HANNAH, source="shop", at=1)])
    assert await together(one) == [2]
    await put(one, Matching(automatic=90.0, review=1.0))
    assert await together(one) == [1, 1]
    await put(one, Matching(automatic=5.0, review=1.0))
    assert await together(one) == [2]
    await put(one, Matching(on=False))
    assert await together(one) == [1, 1]
    await put(one, Matching())
    assert await together(one) == [2]
