"""What became of the demo's world, read back: who is one person and by which links, who stayed apart and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.core.crypto.keyring import Keyring
from app.core.ids import PublicIds
from app.core.sql import Queries, Tx
from app.demo.world import SYSTEMS, TILL
from app.domain import history, policies, sources
from app.domain.explain import Link, explain
from app.domain.history import Change
from app.domain.lookup import ByRecord, lookup
from app.domain.profiles import Profile, RecordName, name_of
from app.domain.tokens import token
from app.identity.identifier import Identifier
from app.identity.matching.scorer import Contribution

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
    """A reason to hold two records together: an identifier that both carry (`namespace` and `value`), a likeness of
    `score` bits by `model` with what it is made of, or neither: a decision. `refused` says why they are two people all
    the same."""

    a: RecordName
    b: RecordName
    namespace: str | None
    value: str | None
    score: float | None
    model: int | None
    contributions: tuple[Contribution, ...]
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
        found = await lookup(self._tx, self._keyring, [ByRecord(each.source, each.key) for each in names])
        profiles = {profile.id: profile for profile in found if profile is not None}
        return [await self._person(profile) for profile in profiles.values()]

    async def profiles(self) -> int:
        """How many people the workspace knows."""
        many: int = await _story.value(self._tx, "profiles")
        return many

    async def till(self) -> Till:
        held = Identifier("device_id", TILL)
        limit = (await policies.in_force(self._tx, self._keyring)).rule(held.namespace).max_records
        carriers = await _story.value(self._tx, "carriers", token=token(self._keyring, held))
        return Till(TILL, carriers, limit)

    async def _person(self, profile: Profile) -> Person:
        explained = await explain(self._tx, self._keyring, profile.id)
        changes, _ = await history.page(self._tx, self._keyring, profile.id)
        return Person(
            self._ids.encode(profile.id),
            profile,
            [_linked(link) for link in (*explained.links, *explained.refused)],
            changes[::-1],
            {each.other_id: self._ids.encode(each.other_id) for each in changes if each.other_id is not None},
        )


def _linked(link: Link) -> Linked:
    """A link with the value that both records carry, which an explanation leaves out."""
    shared = link.a.state.identifiers() & link.b.state.identifiers()
    value = min((held.value for held in shared if held.namespace == link.namespace), default=None)
    made = tuple(each for each in link.contributions if each.bits)
    return Linked(link.a.name, link.b.name, link.namespace, value, link.score, link.model, made, link.because)
