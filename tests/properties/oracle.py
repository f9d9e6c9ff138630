"""The oracle: what a set of messages means, computed slowly and straight from the definition.

It reads every message anew, compares all pairs and keeps nothing between
questions, so it can know nothing of order, batches or writers. It shares no
code with what it judges. Its messages use values that are canonical already.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.identity.policy import Policy
from tests.make import Message
from tests.properties.division import NOTHING, Beside, Link, connected, divided, steps
from tests.properties.reading import Id, Name, read
from tests.properties.records import Record, joined
from tests.properties.survival import Claim, golden, survivor

__all__ = ["Beside", "Claim", "Link", "Meaning", "Name", "Record", "Waiting", "divided", "meaning", "survivor"]

CONTRADICTION = 1000.0
"""What a decision that cannot be followed is worth to whoever reviews."""


@dataclass(frozen=True)
class Profile:
    """One person: founded by the oldest record. `traits` maps to (value, source, key, time, rule)."""

    founder: Name
    members: frozenset[Name]
    identifiers: frozenset[Id]
    traits: Mapping[str, tuple[Any, str, str, datetime, str]]


@dataclass(frozen=True)
class Waiting:
    """A pair that a person should see, and why."""

    pair: frozenset[Name]
    worth: float
    kind: str
    refused: str | None


@dataclass(frozen=True)
class Meaning:
    records: Mapping[Name, Record]
    generic: frozenset[Id]
    links: Sequence[Link]
    components: frozenset[frozenset[Name]]
    profiles: Mapping[Name, Profile]
    reviews: frozenset[Waiting]

    @property
    def partition(self) -> frozenset[frozenset[Name]]:
        return frozenset(profile.members for profile in self.profiles.values())


def meaning(
    messages: Iterable[Message],
    policy: Policy,
    priorities: Mapping[str, int],
    rules: Mapping[str, str],
    *,
    beside: Callable[[Sequence[Record]], Beside] = lambda _live: NOTHING,
) -> Meaning:
    """Everything that follows from these messages under this policy. `beside` tells what else ties the live records."""
    words = [word for message in messages if (word := read(message, policy)) is not None]
    names = {word.name for word in words}
    records = {name: joined(name, [w for w in words if w.name == name], policy) for name in names}
    live = sorted((r for r in records.values() if r.live), key=lambda r: r.rank)
    carried = {identifier for record in live for identifier in record.identifiers}
    generic = frozenset(i for i in carried if sum(i in r.identifiers for r in live) > policy.rule(i[0]).max_records)
    also = beside(live)
    links, clusters = divided(live, carried - generic, policy, also)
    profiles = {
        members[0].name: Profile(
            members[0].name,
            frozenset(r.name for r in members),
            frozenset(i for r in members for i in r.identifiers) - generic,
            golden(members, priorities, rules),
        )
        for members in clusters
    }
    return Meaning(
        records,
        generic,
        links,
        frozenset(connected(live, generic, also)),
        profiles,
        frozenset(waiting(links, clusters, connected(live, generic, also), policy, also)),
    )


def waiting(
    links: Sequence[Link],
    clusters: Sequence[Sequence[Record]],
    components: Sequence[frozenset[Name]],
    policy: Policy,
    beside: Beside,
) -> list[Waiting]:
    """Decisions that cannot be followed, and between two people of whom nobody has said anything refused links and
    scores below the automatic threshold: within a component what is worth most, of equals about the oldest records.
    """
    person = {record.name: number for number, members in enumerate(clusters) for record in members}
    rank = {record.name: record.rank for members in clusters for record in members}
    component = {name: number for number, names in enumerate(components) for name in names}
    settled = {frozenset(person[name] for name in pair) for pair in beside.decided if pair <= person.keys()}
    found: dict[object, tuple[object, Waiting]] = {}

    def wait(pair: frozenset[Name], worth: float, kind: str, refused: str | None) -> None:
        people = frozenset(person[name] for name in pair)
        if len(people) == 1 or (kind != "decision" and people in settled):
            return
        nearby = kind != "decision" and len({component[name] for name in pair}) == 1
        about: object = people if nearby else pair
        order: Any = (-steps(worth), *sorted(rank[name] for name in pair), kind)
        if about not in found or order < found[about][0]:
            found[about] = order, Waiting(pair, worth, kind, refused)

    for link in links:
        if link.refused is not None:
            if link.identifier is not None:
                worth = policy.rule(link.identifier[0]).priority / 10
            else:
                worth = CONTRADICTION if link.score is None else link.score
            wait(frozenset({link.a, link.b}), worth, link.kind, link.refused)
    automatic = beside.matches(person)
    for pair, score in beside.scores.items():
        if pair not in automatic and steps(score) >= steps(beside.review):
            wait(pair, score, "match", None)
    return [held for _, held in found.values()]
