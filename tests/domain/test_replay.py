"""A workspace is what its log says; whatever is changed behind its back is found."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from app.core.errors import Unavailable
from app.core.runtime import Runtime
from app.domain import catalog, quarantine, refreshes
from app.domain.catalog import Trait
from app.domain.replay import Difference, Findings, verify
from app.domain.replay.findings import KINDS
from app.domain.replay.verify import RulesMoving
from tests.make import Tenant, event, record, tenant
from tests.properties.histories import DEFINED, PRIORITIES, History, histories

ANN, BOB = "ann@mail.example", "bob@mail.example"


async def verified(one: Tenant) -> Findings:
    async with one.rt.begin(one.id) as tx:
        return await verify(one.rt.key_service, tx)


async def lived(rt: Runtime) -> Tenant:
    """A workspace with merges, splits, removals, returns, events, a generic identifier, refused links, quarantine."""
    one = await tenant(rt)
    await one.take([record("1", {"email": ANN, "first_name": "Ann"}, at=0), record("2", {"email": BOB}, at=1)])
    await one.take([record("2", {"email": ANN, "plan": "pro"}, at=2)])
    await one.take([record("2", {"email": BOB}, at=3), record("3", {"email": BOB, "tags": ["a"]}, source="shop")])
    await one.take([record("4", {"email": ANN}, [("user_id", "u4")]), record("5", {"email": ANN}, [("user_id", "u5")])])
    await one.take([record("6", {"email": BOB}), record("6", at=4, deleted=True)])
    await one.take([record("7", {"title": "x"}), record("7", at=1, deleted=True), record("7", {"title": "y"}, at=2)])
    await one.take([record(f"till-{n}", {"first_name": "T"}, [("device_id", "till")]) for n in range(9)])
    await one.take([record("till-8", at=5, deleted=True)])
    await one.take(
        [event("track", userId="u4", anonymousId="a1"), event("identify", anonymousId="a1", traits={"x": 1})]
    )
    await one.take([event("track", userId="null"), event("page", anonymousId="a2"), record("8", {"birthday": "never"})])
    async with rt.begin(one.id) as tx:
        (aside,) = await quarantine.page(tx)
        await quarantine.fix(tx, one.keyring, aside.id, {"type": "track", "event": "Looked", "userId": "u9"})
        await quarantine.replay(tx, one.keyring, aside.id, now=rt.now())
    await one.take([event("track", userId="undefined")])
    return one


async def test_nothing_differs_in_a_workspace_that_has_lived(rt: Runtime) -> None:
    one = await lived(rt)
    await one.append([record("waiting")])
    found = await verified(one)
    assert found.first == []
    assert (found.pending, found.fates["quarantined"]) == (1, 2)
    assert found.entries == found.pending + sum(found.fates.values())
    assert found.versions > found.profiles > 0


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories())
async def test_nothing_differs_after_any_history(rt: Runtime, history: History) -> None:
    one = await tenant(rt, policy=history.policy, priorities=PRIORITIES, traits=DEFINED)
    for batch, size in zip(history.batches, history.sizes, strict=True):
        await one.take(batch, batch_size=size)
    assert (await verified(one)).first == []


async def test_walks_longer_than_a_page_miss_nothing(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.take([record(str(n), {"email": f"p{n % 900}@mail.example"}) for n in range(1800)])
    await one.take([event("track", userId="u1", at=n / 100) for n in range(1200)])
    assert (await verified(one)).first == []
    await one.rows("DELETE FROM fates WHERE workspace_id = :workspace_id AND log_id % 100 = 0")
    found = await verified(one)
    assert found.found["no_fate"] == 30
    assert found.found["state"] + found.found["events"] > 15
    assert len([each for each in found.first if each.kind == "no_fate"]) == 5


async def test_a_trait_that_is_defined_later_is_no_difference(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.take([record("1", {"shoe": "41"}), record("2", {"shoe": "large"})])
    async with rt.begin(one.id) as tx:
        await catalog.define(tx, Trait("shoe", "integer"), now=rt.now())
    found = await verified(one)
    assert (found.first, found.older_rules) == ([], 2)


async def test_it_waits_for_rules_that_are_on_their_way(rt: Runtime) -> None:
    one = await lived(rt)
    async with rt.begin(one.id) as tx:
        await refreshes.request(tx, "policy", now=rt.now())
    with pytest.raises(RulesMoving):
        await verified(one)
    assert issubclass(RulesMoving, Unavailable)


async def test_messages_that_a_source_has_declared_away_are_named(rt: Runtime) -> None:
    """A time without an offset was read in the zone that its source declared; without one it cannot be read again."""
    one = await tenant(rt)
    declare = "UPDATE sources SET declared = :declared WHERE workspace_id = :workspace_id AND name = 'crm'"
    await one.rows(declare, declared={"zone": "Europe/Berlin"})
    await one.take([replace(record("1", {"title": "x"}), said={"key": "1", "observed_at": "2026-03-01T08:00:00"})])
    assert (await verified(one)).first == []
    await one.rows(declare, declared={})
    assert set((await verified(one)).found) == {"unread", "state"}


TAMPERED: Mapping[str, tuple[str, set[str]]] = {
    "a fate is deleted": (
        "DELETE FROM fates WHERE workspace_id = :workspace_id AND log_id = :log_id",
        {"no_fate", "state"},
    ),
    "an entry of the log is deleted": (
        "DELETE FROM ingest_log WHERE workspace_id = :workspace_id AND id = :log_id",
        {"no_entry", "state"},
    ),
    "a settled message waits again": (
        "INSERT INTO ingest_queue (workspace_id, log_id) VALUES (:workspace_id, :log_id)",
        {"two_fates"},
    ),
    "the words of a message are changed": (
        "UPDATE ingest_log SET body = set_byte(body, 20, get_byte(body, 20) # 1)"
        " WHERE workspace_id = :workspace_id AND id = :log_id",
        {"unreadable", "state"},
    ),
    "a message is said to be another record's": (
        "UPDATE fates SET record_id = :other WHERE workspace_id = :workspace_id AND log_id = :log_id",
        {"wrong_record", "state"},
    ),
    "a message is said to have been set aside": (
        "UPDATE fates SET fate = 'quarantined', reason = 'x' WHERE workspace_id = :workspace_id AND log_id = :log_id",
        {"no_reason", "state"},
    ),
    "what was set aside is deleted": (
        "DELETE FROM quarantine WHERE workspace_id = :workspace_id AND state = 'open'",
        {"no_reason"},
    ),
    "a record is deleted": (
        "DELETE FROM source_records WHERE workspace_id = :workspace_id AND id = :record_id",
        {"no_record", "folded", "links", "golden", "identifiers"},
    ),
    "a record is put into another profile": (
        "UPDATE source_records SET profile_id = :other WHERE workspace_id = :workspace_id AND id = :record_id",
        {"membership", "folded"},
    ),
    "a record is put into another component": (
        "UPDATE source_records SET component_id = :other WHERE workspace_id = :workspace_id AND id = :record_id",
        {"component"},
    ),
    "a record is said to be removed": (
        "UPDATE source_records SET removed = true WHERE workspace_id = :workspace_id AND id = :record_id",
        {"state"},
    ),
    "an identifier is taken out of the index": (
        "DELETE FROM record_identifiers WHERE workspace_id = :workspace_id AND record_id = :record_id",
        {"identifiers"},
    ),
    "an event is deleted": (
        "DELETE FROM events WHERE workspace_id = :workspace_id AND log_id = (SELECT min(log_id) FROM events"
        " WHERE workspace_id = :workspace_id)",
        {"events"},
    ),
    "an event is moved in time": (
        "UPDATE events SET occurred_at = occurred_at + interval '1 second' WHERE workspace_id = :workspace_id",
        {"events"},
    ),
    "a link is deleted": ("DELETE FROM links WHERE workspace_id = :workspace_id", {"links"}),
    "a refused link is said to unite": (
        "UPDATE links SET refused = NULL WHERE workspace_id = :workspace_id AND refused IS NOT NULL",
        {"links"},
    ),
    "a profile's traits are those of another version": (
        'UPDATE profiles SET public = public || \'{"plan": "free"}\' WHERE workspace_id = :workspace_id AND id = :id',
        {"golden", "history"},
    ),
    "a personal trait lies in the clear": (
        'UPDATE profiles SET public = public || \'{"title": "x"}\' WHERE workspace_id = :workspace_id AND id = :id',
        {"classes"},
    ),
    "a profile is said to be merged away": (
        "UPDATE profiles SET live = false WHERE workspace_id = :workspace_id AND id = :id",
        {"no_profile"},
    ),
    "a profile is deleted": (
        "DELETE FROM profiles WHERE workspace_id = :workspace_id AND id = :id",
        {"no_profile"},
    ),
    "a version is deleted": (
        "DELETE FROM profile_versions WHERE workspace_id = :workspace_id AND profile_id = :id AND version = 1",
        {"versions"},
    ),
    "a version has other records join": (
        "UPDATE profile_versions SET joined = joined || CAST(:other AS bigint)"
        " WHERE workspace_id = :workspace_id AND profile_id = :id AND version = 1",
        {"folded"},
    ),
    "the body of a version is changed": (
        "UPDATE profile_versions SET body = set_byte(body, 20, get_byte(body, 20) # 1)"
        " WHERE workspace_id = :workspace_id AND profile_id = :id AND version = 1",
        {"unreadable", "history"},
    ),
}


async def ids(one: Tenant) -> dict[str, Any]:
    """A record that shares its profile, that profile, the record's first message, and a record of somebody else."""
    (found,) = await one.rows(
        "SELECT s.id AS record_id, s.profile_id AS id, min(f.log_id) AS log_id,"
        "       (SELECT max(o.id) FROM source_records o WHERE o.workspace_id = :workspace_id AND NOT o.removed"
        "           AND o.component_id <> s.component_id) AS other"
        "  FROM source_records s"
        "  JOIN fates f ON f.workspace_id = s.workspace_id AND f.record_id = s.id"
        " WHERE s.workspace_id = :workspace_id AND s.id <> s.profile_id"
        "   AND EXISTS (SELECT FROM links l WHERE l.workspace_id = s.workspace_id AND s.id IN (l.a, l.b)"
        "                  AND l.refused IS NULL)"
        " GROUP BY s.id, s.profile_id, s.component_id ORDER BY s.id LIMIT 1"
    )
    return dict(found)


@pytest.mark.parametrize("what", TAMPERED)
async def test_it_is_found_when(rt: Runtime, what: str) -> None:
    one = await lived(rt)
    sql, kinds = TAMPERED[what]
    await one.rows(sql, **await ids(one))
    found = await verified(one)
    assert kinds <= set(found.found), found.found
    assert {each.kind for each in found.first} == set(found.found)


async def test_a_record_whose_state_is_an_older_one_is_found(rt: Runtime) -> None:
    one = await lived(rt)
    await one.take([record("8", {"title": "old"}, at=10)])
    (eighth,) = await one.rows(
        "SELECT record_id AS id FROM fates WHERE workspace_id = :workspace_id ORDER BY log_id DESC LIMIT 1"
    )
    (held,) = await one.rows(
        "SELECT state FROM source_records WHERE workspace_id = :workspace_id AND id = :id", **eighth
    )
    await one.take([record("8", {"title": "newest"}, at=12)])
    assert (await verified(one)).first == []
    await one.rows(
        "UPDATE source_records SET state = :state WHERE workspace_id = :workspace_id AND id = :id", **eighth, **held
    )
    found = await verified(one)
    assert Difference("state", f"record {eighth['id']}") in found.first
    assert "golden" in found.found


async def test_a_profile_whose_sealed_traits_are_older_ones_is_found(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.take([record("1", {"title": "old"}, at=0)])
    (old,) = await one.rows("SELECT id, sealed FROM profiles WHERE workspace_id = :workspace_id")
    await one.take([record("1", {"title": "new"}, at=1)])
    await one.rows("UPDATE profiles SET sealed = :sealed WHERE workspace_id = :workspace_id AND id = :id", **old)
    found = await verified(one)
    assert found.first == [Difference("golden", f"profile {old['id']}"), Difference("history", f"profile {old['id']}")]


async def test_a_profile_whose_sealed_traits_are_anothers_is_found(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.take([record("1", {"title": "a"}), record("2", {"title": "b"})])
    first, second = await one.rows("SELECT id, sealed FROM profiles WHERE workspace_id = :workspace_id ORDER BY id")
    await one.rows(
        "UPDATE profiles SET sealed = :sealed WHERE workspace_id = :workspace_id AND id = :id",
        id=first["id"],
        sealed=second["sealed"],
    )
    assert (await verified(one)).found.keys() == {"unreadable"}


def test_every_kind_of_difference_is_one_that_a_change_can_make() -> None:
    made = {kind for _, kinds in TAMPERED.values() for kind in kinds}
    assert KINDS.keys() - made == {"unread"}
