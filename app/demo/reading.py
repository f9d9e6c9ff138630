"""What became of the demo's world, read back: who is one person and by which links, who stayed apart and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.core.crypto.keyring import Keyring
from app.core.ids import PublicIds
from app.core.sql import Queries, Tx
from app.demo.world import SYSTEMS, TILL
from app.domain import history, policies, sources
from app.domain.claims import RecordState
from app.domain.history import Change
from app.domain.lookup import ByRecord, lookup
from app.domain.profiles import Profile, RecordName, name_of
from app.domain.sources import Source
from app.domain.tokens import key_token, token
from app.identity.identifier import Identifier

_story = Queries("story", "app.demo")


@dataclass(frozen=True, slots=True)
class Came:
    """What one system sent. `duplicates` were known word for word, `aside` waits for somebody to look at it."""

    source: str
    says: str
    messages: int
    duplicates: int
    aside: int


@dataclass(frozen=True, slots=True)
class Aside:
    """A message in quarantine, and what is wrong with it."""

    source: str
    code: str
    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Linked:
    """Two records that share an identifier; `refused` says why they are not one person all the same."""

    a: RecordName
    b: RecordName
    namespace: str
    value: str
    refused: str | None


@dataclass(frozen=True, slots=True)
class Person:
    """One golden profile, what holds it together, and how it came to be what it is, oldest version first.

    `others` has the public ids of the profiles that it merged with or parted from.
    """

    id: str
    profile: Profile
    links: Sequence[Linked]
    changes: Sequence[Change]
    others: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Till:
    """The till's device id: how many cards carry it, and how many may before it points at nobody."""

    value: str
    carriers: int
    limit: int


class Reader:
    """Reads one workspace inside one transaction."""

    def __init__(self, tx: Tx, keyring: Keyring, ids: PublicIds) -> None:
        self._tx = tx
        self._keyring = keyring
        self._ids = ids

    async def came(self) -> list[Came]:
        known = await sources.all_sources(self._tx)
        taken = {row["source_id"]: row["messages"] for row in await _story.rows(self._tx, "taken")}
        repeated = {row["source_id"]: row["duplicates"] for row in await _story.rows(self._tx, "answers")}
        refused = [row["source_id"] for row in await _story.rows(self._tx, "set_aside")]
        by_name = {source.name: source.id for source in known.values()}
        return [
            Came(s.name, s.says, taken.get(id, 0), int(repeated.get(id, 0)), refused.count(id))
            for s in SYSTEMS
            if (id := by_name.get(s.name)) is not None
        ]

    async def aside(self) -> list[Aside]:
        known = await sources.all_sources(self._tx)
        rows = await _story.rows(self._tx, "set_aside")
        return [Aside(name_of(known, row["source_id"]), row["code"], row["pointer"], row["detail"]) for row in rows]

    async def people(self, *names: RecordName) -> list[Person]:
        """The profiles that hold these records now, each once."""
        known = await sources.all_sources(self._tx)
        found = await lookup(self._tx, self._keyring, [ByRecord(each.source, each.key) for each in names])
        profiles = {profile.id: profile for profile in found if profile is not None}
        links = await self._links(names, profiles.values(), known)
        return [await self._person(profile, links) for profile in profiles.values()]

    async def profiles(self) -> int:
        """How many people the workspace knows."""
        many: int = await _story.value(self._tx, "profiles")
        return many

    async def till(self) -> Till:
        held = Identifier("device_id", TILL)
        limit = (await policies.in_force(self._tx, self._keyring)).rule(held.namespace).max_records
        carriers = await _story.value(self._tx, "carriers", token=token(self._keyring, held))
        return Till(TILL, carriers, limit)

    async def _person(self, profile: Profile, links: Sequence[Linked]) -> Person:
        changes, _ = await history.page(self._tx, self._keyring, profile.id)
        return Person(
            self._ids.encode(profile.id),
            profile,
            [link for link in links if {link.a, link.b} & set(profile.records)],
            changes[::-1],
            {each.other_id: self._ids.encode(each.other_id) for each in changes if each.other_id is not None},
        )

    async def _links(
        self, names: Sequence[RecordName], profiles: Iterable[Profile], known: dict[int, Source]
    ) -> list[Linked]:
        """The links of the components around these records, with the values that the keyed hashes stand for."""
        by_name = {source.name: source.id for source in known.values()}
        own = {each for profile in profiles for each in profile.records} | set(names)
        places = [(by_name[each.source], each.key) for each in sorted(own)]
        rows = await _story.rows(
            self._tx,
            "around",
            source_ids=[source_id for source_id, _ in places],
            key_tokens=[key_token(self._keyring, source_id, key) for source_id, key in places],
        )
        records: dict[int, RecordName] = {}
        values: dict[bytes, Identifier] = {}
        for row in rows:
            state = RecordState.load(self._keyring.open(row["state"], "source_records", "state", row["id"]))
            records[row["id"]] = RecordName(name_of(known, row["source_id"]), state.key)
            values |= {token(self._keyring, held): held for held in state.identifiers()}
        found = await _story.rows(self._tx, "links", ids=list(records))
        linked = [_linked(records[row["a"]], records[row["b"]], values[row["token"]], row["refused"]) for row in found]
        return sorted(linked, key=lambda link: (link.a, link.b, link.namespace, link.value))


def _linked(one: RecordName, other: RecordName, held: Identifier, refused: str | None) -> Linked:
    """A link with its records by name, for a reader: ids follow the order of arrival."""
    return Linked(min(one, other), max(one, other), held.namespace, held.value, refused)
