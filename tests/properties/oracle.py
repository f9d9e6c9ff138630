"""The oracle: what a set of messages means, computed slowly and straight from the definition.

It reads every message anew, compares all pairs and keeps nothing between
questions, so it can know nothing of order, batches or writers. It shares no
code with what it judges. Its messages use values that are canonical already.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from fractions import Fraction
from itertools import combinations
from typing import Any

from app.identity.policy import Policy
from tests.make import Message
from tests.properties.reading import NOBODY, Id, Name, Word, empty, read


@dataclass(frozen=True)
class Record:
    """What a record amounts to. `traits` maps to (time, value)."""

    name: Name
    born: datetime
    live: bool
    traits: Mapping[str, tuple[datetime, Any]]
    identifiers: frozenset[Id]

    @property
    def rank(self) -> tuple[datetime, str, str]:
        return (self.born, *self.name)


@dataclass(frozen=True)
class Link:
    """A reason to unite, `a` ranked before `b`, and why it did not."""

    a: Name
    b: Name
    identifier: Id
    refused: str | None


@dataclass(frozen=True)
class Profile:
    """One person: founded by the oldest record. `traits` maps to (value, source, key, time, rule)."""

    founder: Name
    members: frozenset[Name]
    identifiers: frozenset[Id]
    traits: Mapping[str, tuple[Any, str, str, datetime, str]]


@dataclass(frozen=True)
class Meaning:
    records: Mapping[Name, Record]
    generic: frozenset[Id]
    links: Sequence[Link]
    components: frozenset[frozenset[Name]]
    profiles: Mapping[Name, Profile]

    @property
    def partition(self) -> frozenset[frozenset[Name]]:
        return frozenset(profile.members for profile in self.profiles.values())


def meaning(
    messages: Iterable[Message], policy: Policy, priorities: Mapping[str, int], rules: Mapping[str, str]
) -> Meaning:
    """Everything that follows from these messages under this policy."""
    words = [word for message in messages if (word := read(message, policy)) is not None]
    names = {word.name for word in words}
    records = {name: joined(name, [w for w in words if w.name == name], policy) for name in names}
    live = sorted((r for r in records.values() if r.live), key=lambda r: r.rank)
    carried = {identifier for record in live for identifier in record.identifiers}
    generic = frozenset(i for i in carried if sum(i in r.identifiers for r in live) > policy.rule(i[0]).max_records)
    links, clusters = divided(live, carried - generic, policy)
    return Meaning(
        records,
        generic,
        links,
        frozenset(connected(live, generic)),
        {
            members[0].name: Profile(
                members[0].name,
                frozenset(r.name for r in members),
                frozenset(i for r in members for i in r.identifiers) - generic,
                golden(members, priorities, rules),
            )
            for members in clusters
        },
    )


# --- What a record amounts to ----------------------------------------------------------------------------------------


def joined(name: Name, words: Sequence[Word], policy: Policy) -> Record:
    """Everything that was said of one record. A deletion ends what was said up to its instant."""
    ends = [word.at for word in words if word.deleted]
    told = [word for word in words if not word.deleted]
    living = [word for word in told if not ends or word.at > max(ends)]
    traits: dict[str, tuple[datetime, Any]] = {}
    for trait in {trait for word in living for trait in word.traits}:
        at, _, value = max(
            ((word.at, _canonical(word.traits[trait]), word.traits[trait]) for word in living if trait in word.traits),
            key=lambda claim: claim[:2],
        )
        if not empty(value):
            traits[trait] = (at, value)
    lists = [(word.at, sorted(set(word.listed))) for word in living if word.listed is not None]
    carried = {identifier for word in living for identifier in word.seen}
    carried |= set(max(lists)[1]) if lists else set()
    carried |= {(trait, traits[trait][1]) for trait in ("email", "phone") if trait in traits}
    return Record(
        name,
        min((word.at for word in told), default=datetime.max.replace(tzinfo=UTC)),
        bool(living),
        traits,
        frozenset(i for i in carried if not _blocked(i, policy)),
    )


def _blocked(identifier: Id, policy: Policy) -> bool:
    namespace, value = identifier
    return (
        value in NOBODY
        or value in policy.blocked_values.get(namespace, ())
        or any(fnmatchcase(value, pattern) for pattern in policy.blocked_patterns.get(namespace, ()))
    )


def _canonical(value: Any) -> tuple[int, str]:
    if value is None:
        return 0, ""
    return (1 if empty(value) else 2), json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


# --- Who is one person -----------------------------------------------------------------------------------------------


def divided(live: Sequence[Record], carried: Iterable[Id], policy: Policy) -> tuple[list[Link], list[list[Record]]]:
    """Take the links in order and unite where nothing speaks against it. `live` is in order of rank."""
    cluster: dict[Name, set[Name]] = {record.name: {record.name} for record in live}
    by_name = {record.name: record for record in live}
    values = set(carried)
    order = sorted(values, key=lambda i: (-policy.rule(i[0]).priority, *i))
    links = []
    for identifier in order:
        for a, b in combinations([r for r in live if identifier in r.identifiers], 2):
            if cluster[a.name] is cluster[b.name]:
                continue
            both = cluster[a.name] | cluster[b.name]
            refused = _against([by_name[name] for name in both], values, policy)
            links.append(Link(a.name, b.name, identifier, refused))
            if refused is None:
                for name in both:
                    cluster[name] = both
    groups = {frozenset(group) for group in cluster.values()}
    return links, [sorted((by_name[n] for n in group), key=lambda r: r.rank) for group in groups]


def _against(members: Sequence[Record], values: set[Id], policy: Policy) -> str | None:
    if len(members) > policy.max_cluster:
        return "max_cluster"
    held = {i for record in members for i in record.identifiers} & values
    for namespace in sorted({namespace for namespace, _ in held}):
        if sum(n == namespace for n, _ in held) > policy.rule(namespace).max_values:
            return f"max_values:{namespace}"
    return None


def connected(live: Sequence[Record], generic: frozenset[Id]) -> list[frozenset[Name]]:
    """Flood from every record over all shared identifiers, refused links included."""
    found: list[frozenset[Name]] = []
    for start in live:
        if any(start.name in group for group in found):
            continue
        group, edge = {start.name}, [start]
        while edge:
            here = edge.pop()
            for other in live:
                if other.name not in group and (here.identifiers & other.identifiers) - generic:
                    group.add(other.name)
                    edge.append(other)
        found.append(frozenset(group))
    return found


# --- Which values survive --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claim:
    at: datetime
    priority: int
    value: Any
    name: Name

    @property
    def newest(self) -> tuple[Any, ...]:
        return (self.at, self.priority, _canonical(self.value), *self.name)


def golden(
    members: Sequence[Record], priorities: Mapping[str, int], rules: Mapping[str, str]
) -> dict[str, tuple[Any, str, str, datetime, str]]:
    found = {}
    for trait in {trait for record in members for trait in record.traits}:
        rule = rules.get(trait, "latest")
        claims = [
            Claim(*_at_and_priority(record, trait, priorities), record.traits[trait][1], record.name)
            for record in members
            if trait in record.traits
        ]
        value, best = survivor(claims, rule)
        found[trait] = (value, *best.name, best.at, rule)
    return found


def _at_and_priority(record: Record, trait: str, priorities: Mapping[str, int]) -> tuple[datetime, int]:
    return record.traits[trait][0], priorities[record.name[0]]


def survivor(claims: Sequence[Claim], rule: str) -> tuple[Any, Claim]:
    """The golden value and the claim it came from: by the rule, then by who said it last."""
    newest = max(claims, key=lambda c: c.newest)
    if rule == "union":
        items = [i for c in claims for i in (c.value if isinstance(c.value, list) else [c.value])]
        return [json.loads(text) for _, text in sorted({_canonical(item) for item in items})], newest
    if rule == "sum":
        total = sum(Fraction(str(c.value)) for c in claims)
        return int(total) if total.denominator == 1 else float(total), newest
    wanted = {
        "latest": lambda c: 0,
        "earliest": lambda c: -c.at.timestamp(),
        "source_priority": lambda c: c.priority,
        "most_frequent": lambda c: sum(_canonical(o.value) == _canonical(c.value) for o in claims),
        "max": lambda c: c.value,
        "min": lambda c: -c.value,
    }[rule]
    most = max(wanted(c) for c in claims)
    best = max((c for c in claims if wanted(c) == most), key=lambda c: c.newest)
    return best.value, best
