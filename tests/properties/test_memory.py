"""What was is kept: every version, every id that a profile ever had, every message's fate."""

from collections import Counter, defaultdict
from typing import Any

from hypothesis import given

from app.core.runtime import Runtime
from app.domain import history as past
from app.domain import lookup
from app.domain.golden import dump
from app.domain.lookup import ById
from tests.make import Tenant
from tests.properties.histories import History, lives
from tests.properties.pace import tries
from tests.properties.snapshot import Snapshot, read_back, snapshot, versions
from tests.properties.walk import begun

quick = tries(40)


@quick
@given(lives)
async def test_every_version_reads_back_as_what_the_profile_was(rt: Runtime, history: History) -> None:
    walk = await begun(rt, history)
    one = walk.one
    was: dict[tuple[int, int], dict[str, Any]] = {}
    async for now in walk.steps():
        for id, profile in now.profiles.items():
            was.setdefault((id, profile.version), dump(profile.content))
    told = await versions(one)
    for (id, number), content in was.items():
        assert dump(read_back(told[id], number)) == content
        async with rt.begin(one.id) as tx:
            shown = await past.version(tx, one.keyring, id, number)
        assert (dict(shown.traits) if shown else {}) == content["t"]
    for id, profile in (await snapshot(one)).profiles.items():
        assert dump(read_back(told[id], profile.version))["t"] == profile.content.traits


@quick
@given(lives)
async def test_versions_are_numbered_without_a_gap_and_rise_by_one(rt: Runtime, history: History) -> None:
    walk = await begun(rt, history)
    one = walk.one
    before: Counter[int] = Counter()
    async for now in walk.steps():
        for id, profile in now.profiles.items():
            assert profile.version - before[id] in (0, 1)
            before[id] = profile.version
    told = await versions(one)
    for id, number in before.items():
        assert [version.number for version in told[id]] == list(range(1, number + 1))
        assert told[id][0].whole


@quick
@given(lives)
async def test_the_identity_log_replays_to_who_is_where(rt: Runtime, history: History) -> None:
    walk = await begun(rt, history)
    one = walk.one
    seen: dict[tuple[int, int], frozenset[int]] = {}
    async for now in walk.steps():
        members = now.members
        for id, profile in now.profiles.items():
            seen[id, profile.version] = members.get(id, frozenset())
    for id, told in (await versions(one)).items():
        there: set[int] = set()
        for version in told:
            assert there.isdisjoint(version.joined)
            assert there >= version.parted
            there = (there | version.joined) - version.parted
            assert seen[id, version.number] == there


@quick
@given(lives)
async def test_every_id_that_was_ever_a_profile_leads_to_where_its_oldest_record_is(
    rt: Runtime, history: History
) -> None:
    walk = await begun(rt, history)
    one = walk.one
    ever: set[int] = set()
    before: Snapshot | None = None
    async for now in walk.steps():
        ever |= now.live.keys()
        for id in ever:
            leads_to = now.answer(id)
            if not now.records[id].removed:
                assert leads_to is not None
                assert id in now.members[leads_to]
            assert leads_to is None or leads_to in now.live
        if before is not None:
            _assert_heirs(before, now)
        before = now
    assert before is not None
    asked = sorted(ever)
    async with rt.begin(one.id) as tx:
        found = await lookup.lookup(tx, one.keyring, [ById(id) for id in asked])
    assert [profile.id if profile else None for profile in found] == [before.answer(id) for id in asked]


def _assert_heirs(before: Snapshot, now: Snapshot) -> None:
    """Whoever was removed in this step is followed by the oldest that stayed in its profile, if anybody did."""
    for record in before.records.values():
        if record.removed or not now.records[record.id].removed or record.profile_id is None:
            continue
        stayed = [now.records[id] for id in before.members[record.profile_id] if not now.records[id].removed]
        oldest = min(stayed, key=lambda r: (r.state.born, *r.name), default=None)
        assert now.records[record.id].heir_id == (oldest.id if oldest else None)


@quick
@given(lives)
async def test_every_message_has_one_fate_and_none_is_lost(rt: Runtime, history: History) -> None:
    one = (await begun(rt, history)).one
    sent: dict[str, int] = {}
    for batch, size in zip(history.batches, history.sizes, strict=True):
        sent |= await one.take(batch, batch_size=size)
    assert sent.keys() == {message.id for message in history.messages}
    await _assert_conserved(one, set(sent.values()))


async def _assert_conserved(one: Tenant, log_ids: set[int]) -> None:
    here = "WHERE workspace_id = :workspace_id"
    now = await snapshot(one)
    assert not await one.rows(f"SELECT FROM ingest_queue {here}")
    aside = {row["log_id"]: row["code"] for row in await one.rows(f"SELECT log_id, code FROM quarantine {here}")}
    fates = await one.rows(f"SELECT * FROM fates {here}")
    assert {fate["log_id"] for fate in fates} == log_ids
    for fate in fates:
        if fate["fate"] == "applied":
            assert fate["log_id"] not in aside
            assert now.records[fate["record_id"]].removed or now.answer(fate["record_id"]) in now.live
            assert fate["profile_id"] is None or fate["profile_version"] <= now.profiles[fate["profile_id"]].version
        else:
            assert (fate["fate"], fate["reason"]) == ("quarantined", "identifies_nobody")
            assert aside[fate["log_id"]] == fate["reason"]
    owners = defaultdict(set)
    for row in await one.rows(f"SELECT record_id, log_id FROM events {here}"):
        owners[row["log_id"]].add(row["record_id"])
    applied = {fate["log_id"]: fate["record_id"] for fate in fates if fate["fate"] == "applied"}
    assert all({applied[log_id]} == found for log_id, found in owners.items())
