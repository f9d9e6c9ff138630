"""Everything that a workspace holds, read straight from its tables, and what must be true of it at any moment."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.claims import RecordState
from app.domain.deliveries import instant
from app.domain.golden import Content, from_columns
from app.domain.tokens import key_token, token
from app.domain.versions import replay
from app.identity.identifier import Identifier
from tests.make import Tenant
from tests.properties.oracle import Link, Meaning, Name


@dataclass(frozen=True)
class HeldRecord:
    id: int
    name: Name
    profile_id: int | None
    component_id: int | None
    heir_id: int | None
    removed: bool
    state: RecordState


@dataclass(frozen=True)
class HeldProfile:
    id: int
    component_id: int
    version: int
    live: bool
    public: Mapping[str, object]
    content: Content


@dataclass(frozen=True)
class HeldVersion:
    number: int
    reason: str
    joined: frozenset[int]
    parted: frozenset[int]
    whole: bool
    body: bytes


@dataclass(frozen=True)
class Snapshot:
    """One moment of a workspace."""

    records: Mapping[int, HeldRecord]
    profiles: Mapping[int, HeldProfile]
    carried: frozenset[tuple[bytes, int]]
    links: frozenset[tuple[int, int, bytes, str | None]]

    @property
    def live(self) -> dict[int, HeldProfile]:
        return {id: profile for id, profile in self.profiles.items() if profile.live}

    @property
    def members(self) -> dict[int, frozenset[int]]:
        found: dict[int, set[int]] = defaultdict(set)
        for record in self.records.values():
            if record.profile_id is not None:
                found[record.profile_id].add(record.id)
        return {id: frozenset(members) for id, members in found.items()}

    @property
    def partition(self) -> frozenset[frozenset[Name]]:
        return frozenset(frozenset(self.records[id].name for id in group) for group in self.members.values())

    def answer(self, id: int) -> int | None:
        """The profile that a profile id leads to: where its founding record is, or that record's heir."""
        for _ in range(len(self.records) + 1):
            record = self.records[id]
            if record.profile_id is not None:
                return record.profile_id
            if record.heir_id is None:
                return None
            id = record.heir_id
        raise AssertionError("heirs go round in a circle")


async def snapshot(tenant: Tenant) -> Snapshot:
    keyring, names = tenant.keyring, {source.id: name for name, source in tenant.sources.items()}
    records = {}
    for row in await tenant.rows("SELECT * FROM source_records WHERE workspace_id = :workspace_id"):
        id = row["id"]
        state = RecordState.load(keyring.open(row["state"], "source_records", "state", id))
        assert row["key_token"] == key_token(keyring, row["source_id"], state.key)
        assert row["born_at"] == instant(state.born)
        held = (row["profile_id"], row["component_id"], row["heir_id"], row["removed"])
        records[id] = HeldRecord(id, (names[row["source_id"]], state.key), *held, state)
    profiles = {}
    for row in await tenant.rows("SELECT * FROM profiles WHERE workspace_id = :workspace_id"):
        id = row["id"]
        content = from_columns(keyring, id, row["public"], row["sealed"], row["proof"])
        profiles[id] = HeldProfile(id, row["component_id"], row["version"], row["live"], row["public"], content)
    carried = await tenant.rows("SELECT token, record_id FROM record_identifiers WHERE workspace_id = :workspace_id")
    links = await tenant.rows("SELECT a, b, token, refused FROM links WHERE workspace_id = :workspace_id")
    return Snapshot(
        records,
        profiles,
        frozenset((row["token"], row["record_id"]) for row in carried),
        frozenset((row["a"], row["b"], row["token"], row["refused"]) for row in links),
    )


async def versions(tenant: Tenant) -> dict[int, list[HeldVersion]]:
    """Every version of every profile, in order."""
    found: dict[int, list[HeldVersion]] = defaultdict(list)
    for row in await tenant.rows(
        "SELECT * FROM profile_versions WHERE workspace_id = :workspace_id ORDER BY profile_id, version"
    ):
        place = f"{row['profile_id']}/{row['version']}"
        raw = tenant.keyring.open(row["body"], "profile_versions", "body", place)
        held = (row["version"], row["reason"], frozenset(row["joined"]), frozenset(row["parted"]), row["whole"], raw)
        found[row["profile_id"]].append(HeldVersion(*held))
    return found


def read_back(history: Sequence[HeldVersion], number: int) -> Content:
    """A profile as it was at a version: from the last whole body on."""
    start = max(i for i, version in enumerate(history[:number]) if version.whole)
    return replay((version.whole, version.body) for version in history[start:number])


# --- What the oracle says must be there ------------------------------------------------------------------------------


def assert_means(now: Snapshot, tenant: Tenant, meant: Meaning) -> None:
    """The workspace holds exactly what these messages mean."""
    ids = {record.name: record.id for record in now.records.values()}
    assert set(ids) == set(meant.records)
    for held in now.records.values():
        record = meant.records[held.name]
        assert held.removed is not record.live
        assert {(i.namespace, i.value) for i in held.state.identifiers()} >= record.identifiers
        if held.state.alive > held.state.removed:
            assert instant(held.state.born) == record.born
            assert {t: (instant(at), v) for t, (at, v) in held.state.claims().items()} == record.traits
    assert now.partition == meant.partition
    assert now.carried == {
        (token(tenant.keyring, Identifier(*identifier)), ids[record.name])
        for record in meant.records.values()
        if record.live
        for identifier in record.identifiers
    }
    assert now.links == {_as_held(link, ids, tenant) for link in meant.links}
    components: dict[int | None, set[Name]] = defaultdict(set)
    for held in now.records.values():
        if not held.removed:
            components[held.component_id].add(held.name)
    assert frozenset(frozenset(group) for group in components.values()) == meant.components
    for id, profile in now.live.items():
        _assert_golden(id, profile, now, tenant, meant)


def _as_held(link: Link, ids: Mapping[Name, int], tenant: Tenant) -> tuple[int, int, bytes, str | None]:
    a, b = sorted((ids[link.a], ids[link.b]))
    return a, b, token(tenant.keyring, Identifier(*link.identifier)), link.refused


def _assert_golden(id: int, profile: HeldProfile, now: Snapshot, tenant: Tenant, meant: Meaning) -> None:
    person = meant.profiles[now.records[id].name]
    content = profile.content
    names = {source.id: name for name, source in tenant.sources.items()}
    assert {(i.namespace, i.value) for i in content.identifiers} == person.identifiers
    assert {(names[source], key) for source, key in content.records} == person.members
    assert set(content.traits) == set(content.proofs)
    told = {
        trait: (value, names[(p := content.proofs[trait]).source_id], p.key, instant(p.at), p.rule)
        for trait, value in content.traits.items()
    }
    assert told == person.traits


# --- What must be true of any workspace at any moment ----------------------------------------------------------------


def assert_sound(now: Snapshot, tenant: Tenant, public: frozenset[str]) -> None:
    """What holds whatever was sent."""
    members = now.members
    assert members.keys() == now.live.keys()
    for id, profile in now.live.items():
        assert id in members[id], "a profile carries the id of a record of its own"
        records = [now.records[member] for member in members[id]]
        assert id == min(records, key=lambda r: (r.state.born, *r.name)).id
        assert {profile.component_id} == {record.component_id for record in records}
        assert profile.public.keys() == profile.content.traits.keys() & public
        _assert_within_limits(profile, len(records), tenant)
    for record in now.records.values():
        assert (record.profile_id is None) is record.removed
        assert (record.component_id is None) is record.removed
        assert record.removed or record.heir_id is None
        assert record.removed is record.state.is_removed
    united = {id: {id} for id in now.records}
    for a, b, _, refused in now.links:
        if refused is None:
            both = united[a] | united[b]
            for each in both:
                united[each] = both
    assert {frozenset(united[id]) for id, r in now.records.items() if not r.removed} == set(members.values())


def _assert_within_limits(profile: HeldProfile, size: int, tenant: Tenant) -> None:
    if size == 1:
        return
    assert size <= tenant.policy.max_cluster
    held: dict[str, set[str]] = defaultdict(set)
    for identifier in profile.content.identifiers:
        held[identifier.namespace].add(identifier.value)
    for namespace, values in held.items():
        assert len(values) <= tenant.policy.rule(namespace).max_values, namespace
