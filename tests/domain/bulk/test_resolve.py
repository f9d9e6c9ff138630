"""Resolving in bulk ends where one by one ends, and leaves nothing half done."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.core.runtime import Runtime
from app.domain import decide, policies
from app.domain.bulk.engine import Duck
from app.domain.bulk.resolve import Resolved, resolve
from app.domain.decisions import Verdict
from app.domain.profiles import RecordName
from app.identity.policy import NAMESPACES, Matching, NamespaceRule, Policy
from app.workers.refresh import refresh_due
from tests.domain.bulk.crowd import SOURCES, cdp_dev, crowd
from tests.make import RECEIVED, Message, Tenant, record, tenant
from tests.properties.held import snapshot

pytest.importorskip("duckdb")

OFF = Policy(2, matching=Matching(on=False))
MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)


async def switch(one: Tenant, policy: Policy) -> Tenant:
    """A new policy in force, nobody derived again yet."""
    async with one.rt.begin(one.id) as tx:
        held = await policies.in_force(tx, one.keyring)
        return replace(one, policy=await policies.put(tx, one.keyring, held.version, policy, now=RECEIVED))


async def resolved(one: Tenant, home: Path) -> Resolved:
    async with one.rt.begin(one.id) as tx:
        return await resolve(tx, one.keyring, Duck("1GB"), home, lambda *_: None, now=MONDAY)


async def decided(one: Tenant, verdict: Verdict, a: str, b: str) -> None:
    async with one.rt.begin(one.id) as tx:
        names = RecordName("crm", a), RecordName("crm", b)
        await decide.decide(tx, one.keyring, verdict, *names, by="ann", now=MONDAY, reason=None)


async def by_names(one: Tenant) -> object:
    """What a workspace holds, by the names of records: ids are another workspace's."""
    now = await snapshot(one)
    name = {id: held.name for id, held in now.records.items()}
    source = {held.id: each for each, held in one.sources.items()}
    pairs = await one.rows("SELECT a, b, score, model FROM pairs WHERE workspace_id = :workspace_id")
    keys = await one.rows("SELECT record_id FROM match_keys WHERE workspace_id = :workspace_id")
    known = await one.rows("SELECT record_id, tokens FROM match_features WHERE workspace_id = :workspace_id")
    return {
        "people": now.partition,
        "founders": {name[id]: {name[each] for each in members} for id, members in now.members.items()},
        "links": {(frozenset((name[a], name[b])), kind, score, refused) for a, b, kind, _, score, refused in now.links},
        "reviews": {(frozenset((name[a], name[b])), *rest) for a, b, *rest in now.reviews},
        "pairs": {(frozenset((name[p["a"]], name[p["b"]])), p["score"], p["model"]) for p in pairs},
        "keys": sorted(name[row["record_id"]] for row in keys),
        "compared": {name[row["record_id"]]: len(row["tokens"]) for row in known},
        "golden": {
            name[id]: (
                dict(held.content.traits),
                {trait: (source[p.source_id], p.key, p.at, p.rule) for trait, p in held.content.proofs.items()},
                held.content.identifiers,
            )
            for id, held in now.live.items()
        },
    }


async def both_ways(rt: Runtime, said: list[Message], home: Path, after: Policy, before: Policy = OFF) -> Resolved:
    """Take records under the one policy and resolve under the other, and compare with the other from the start."""
    straight = await tenant(rt, policy=replace(after, version=2), priorities=SOURCES)
    await straight.take(said)
    one = await tenant(rt, policy=before, priorities=SOURCES)
    await one.take(said)
    one = await switch(one, after)
    done = await resolved(one, home)
    assert await by_names(one) == await by_names(straight)
    assert await refresh_due(rt, 5) == 0, "the walk is done"
    again = await resolved(one, home)
    assert (again.difference.moved, again.difference.merging, again.difference.splitting) == (0, 0, 0)
    return done


async def test_switching_matching_on_and_resolving_is_having_had_it_on(rt: Runtime, tmp_path: Path) -> None:
    done = await both_ways(rt, crowd(), tmp_path / "bulk", Policy())
    assert done.difference.merging > 2
    assert done.derived < len(crowd())


async def test_a_development_set_resolved_at_once_is_what_one_by_one_gives(rt: Runtime, tmp_path: Path) -> None:
    done = await both_ways(rt, cdp_dev(2_000), tmp_path / "bulk", Policy())
    assert done.pairs > 50


@pytest.mark.parametrize(
    "after",
    [
        Policy(blocked_values={"email": frozenset({"ann@mail.example"})}),
        Policy(namespaces={**NAMESPACES, "email": NamespaceRule(60, 5, 1), "device_id": NamespaceRule(10, 20, 20)}),
        Policy(max_cluster=1),
        Policy(matching=Matching(automatic=30.0, review=-10.0)),
        OFF,
    ],
    ids=["blocked", "generic and freed", "cluster", "thresholds", "off"],
)
async def test_any_change_of_the_policy_is_resolved_at_once(rt: Runtime, tmp_path: Path, after: Policy) -> None:
    await both_ways(rt, crowd(), tmp_path / "bulk", after, before=Policy(2))


async def test_decisions_bind_in_bulk_as_they_do_online(rt: Runtime, tmp_path: Path) -> None:
    straight, one = await tenant(rt, policy=Policy(2)), await tenant(rt, policy=OFF)
    for each in (straight, one):
        await each.take(crowd())
        await decided(each, "different", "1", "2")
        await decided(each, "same", "9", "11")
    one = await switch(one, Policy())
    await resolved(one, tmp_path / "bulk")
    assert await by_names(one) == await by_names(straight)
    people = {frozenset(key for _, key in each) for each in (await snapshot(one)).partition}
    assert not any({"1", "2"} <= each for each in people)
    assert any({"9", "11"} <= each for each in people)


async def test_what_matching_held_of_others_is_put_right(rt: Runtime, tmp_path: Path) -> None:
    one = await tenant(rt, policy=Policy(2))
    await one.take(crowd())
    meant = await by_names(one)
    for damage in (
        "UPDATE pairs SET score = score + 1 WHERE workspace_id = :workspace_id",
        "DELETE FROM match_features WHERE workspace_id = :workspace_id AND tokens[1] < '\\x20'",
    ):
        await one.rows(damage)
        assert await by_names(one) != meant
        await resolved(one, tmp_path / "bulk")
        assert await by_names(one) == meant


async def test_records_that_hang_together_come_into_one_profile_in_one_step(rt: Runtime, tmp_path: Path) -> None:
    one = await tenant(rt, policy=OFF)
    same = {"first_name": "Katharina", "last_name": "Oberhuber", "birthday": "1981-03-04"}
    await one.take([record(str(n), {**same, "city": "Graz"}, at=n) for n in range(4)])
    one = await switch(one, Policy())
    await resolved(one, tmp_path / "bulk")
    rows = await one.rows("SELECT reason FROM profile_versions WHERE workspace_id = :workspace_id AND version > 1")
    assert sorted(row["reason"] for row in rows) == ["merged", "merged_into", "merged_into", "merged_into"]
