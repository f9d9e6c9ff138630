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
from tests.properties.division import NOTHING, Beside, Link, connected, divided
from tests.properties.reading import Id, Name, read
from tests.properties.records import Record, joined
from tests.properties.survival import Claim, golden, survivor

__all__ = ["Beside", "Claim", "Link", "Meaning", "Name", "Record", "divided", "meaning", "survivor"]

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
        frozenset(waiting(links, clusters, policy, also)),
    )


def waiting(
    links: Sequence[Link], clusters: Sequence[Sequence[Record]], policy: Policy, beside: Beside
) -> list[Waiting]:
    """Refused links, and scores below the automatic threshold, between two people; of each pair what is worth most.

    A pair that somebody has decided waits for nobody, unless that decision is what could not be followed.
    """
    person = {record.name: number for number, members in enumerate(clusters) for record in members}
    found: dict[frozenset[Name], Waiting] = {}

    def wait(pair: frozenset[Name], worth: float, kind: str, refused: str | None) -> None:
        a, b = pair
        if person[a] == person[b] or (kind != "decision" and pair in beside.decided):
            return
        held = found.get(pair)
        if held is None or (worth, kind) > (held.worth, held.kind):
            found[pair] = Waiting(pair, worth, kind, refused)

    for link in links:
        if link.refused is not None:
            if link.identifier is not None:
                worth = policy.rule(link.identifier[0]).priority / 10
            else:
                worth = CONTRADICTION if link.score is None else link.score
            wait(frozenset({link.a, link.b}), worth, link.kind, link.refused)
    automatic = beside.matches(person)
    for pair, score in beside.scores.items():
        if pair not in automatic and score >= beside.review:
            wait(pair, score, "match", None)
    return list(found.values())
