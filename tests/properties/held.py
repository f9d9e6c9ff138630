"""Everything that a workspace holds, read straight from its tables."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from app.domain.claims import RecordState
from app.domain.deliveries import instant
from app.domain.golden import Content, from_columns
from app.domain.tokens import key_token
from app.domain.versions import replay
from tests.make import Tenant
from tests.properties.reading import Name


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


HeldLink: TypeAlias = tuple[int, int, str, bytes, float | None, str | None]
"""a, b, kind, token, score, refused."""


@dataclass(frozen=True)
class Snapshot:
    """One moment of a workspace. `reviews`: a, b, worth, kind, refused. `decided`: the verdicts that stand."""

    records: Mapping[int, HeldRecord]
    profiles: Mapping[int, HeldProfile]
    carried: frozenset[tuple[bytes, int]]
    links: frozenset[HeldLink]
    reviews: frozenset[tuple[int, int, float, str, str | None]]
    decided: Mapping[tuple[int, int], str]

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
    links = await tenant.rows("SELECT * FROM links WHERE workspace_id = :workspace_id")
    reviews = await tenant.rows("SELECT * FROM reviews WHERE workspace_id = :workspace_id")
    decided = await tenant.rows("SELECT * FROM decisions WHERE workspace_id = :workspace_id AND revoked_at IS NULL")
    return Snapshot(
        records,
        profiles,
        frozenset((row["token"], row["record_id"]) for row in carried),
        frozenset((row["a"], row["b"], row["kind"], row["token"], row["score"], row["refused"]) for row in links),
        frozenset((row["a"], row["b"], row["worth"], row["kind"], row["refused"]) for row in reviews),
        {(row["a"], row["b"]): row["verdict"] for row in decided},
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
