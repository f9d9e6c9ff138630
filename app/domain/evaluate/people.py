"""Who is the same person among records in memory: the same steps as the pipeline's, over all records at once."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from app.domain.catalog import BUILT_IN, Catalog, Trait
from app.domain.claims import RecordState
from app.domain.deliveries import Delivery, micros
from app.domain.evaluate.labelled import Row
from app.domain.matching import Features, Matcher
from app.domain.normalize import Declarations, infer
from app.domain.pipeline.nodes import node
from app.domain.pipeline.normalize import canonical, word
from app.domain.pipeline.region import NEVER_BORN, usable
from app.domain.pipeline.ties import Pair, Ties, divide
from app.domain.sources import Source
from app.identity.cluster import Tie, on_grid
from app.identity.identifier import Identifier
from app.identity.policy import Policy

NOTHING_DECLARED = Declarations()
AT = micros(datetime(2020, 1, 1, tzinfo=UTC))
TELL_EVERY = 500

Told = Callable[[str, int, int], None]
"""Told what is done, how much of it, and of how much."""

Seen = Callable[[int, int, float], None]
"""Told of each pair that is compared, the smaller place first, and its score."""


@dataclass(slots=True)
class Member:
    """One record: its place in the file is its id here."""

    row: Row
    source: Source
    state: RecordState
    identifiers: frozenset[Identifier]


@dataclass(frozen=True, slots=True)
class People:
    """The partition (record id to the number of its cluster), why, and every pair that was scored for review.

    `generic` are the identifiers that too many records carry to link anybody; `compared` counts pairs.
    """

    members: list[Member]
    clusters: Mapping[str, int]
    ties: list[Tie]
    pairs: list[Pair]
    compared: int
    generic: Collection[Identifier] = ()


def people(
    members: list[Member],
    policy: Policy,
    matcher: Matcher | None,
    told: Told = lambda *_: None,
    seen: Seen = lambda *_: None,
    features: Sequence[Features] | None = None,
) -> People:
    """Divide the records into people. `features` are the records', where they are at hand."""
    carried = Counter(held for member in members for held in member.identifiers)
    generic = {held for held, many in carried.items() if many > policy.rule(held.namespace).max_records}
    pairs: list[Pair] = []
    compared = 0
    automatic = math.inf
    if matcher is not None:
        automatic = matcher.automatic
        pairs, compared = scored(features or all_features(members, matcher), matcher, told, seen)
    nodes = [node(id, each.source, each.state, each.identifiers) for id, each in enumerate(members)]
    clusters: dict[str, int] = {}
    ties: list[Tie] = []
    for _, divided in divide(nodes, generic, policy, Ties([], pairs), automatic):
        ties += divided.ties
        for cluster in divided.clusters:
            clusters |= dict.fromkeys((members[id].row.id for id in cluster), cluster[0])
    return People(members, clusters, ties, pairs, compared, generic)


def all_features(members: Iterable[Member], matcher: Matcher) -> list[Features]:
    """What each record is compared by."""
    return [features_of(member, matcher) for member in members]


def features_of(member: Member, matcher: Matcher) -> Features:
    return matcher.features(matcher.compared(member.state, member.identifiers))


def scored(
    features: Sequence[Features], matcher: Matcher, told: Told = lambda *_: None, seen: Seen = lambda *_: None
) -> tuple[list[Pair], int]:
    """The pairs at or above the review threshold among those that share a live blocking key; and how many did."""
    holders: dict[str, list[int]] = defaultdict(list)
    for id, each in enumerate(features):
        for key in set(matcher.keys(each)):
            holders[key].append(id)
    meeting: dict[int, list[list[int]]] = defaultdict(list)
    for ids in holders.values():
        if 1 < len(ids) <= matcher.max_holders:
            for id in ids:
                meeting[id].append(ids)
    del holders
    floor = on_grid(min(matcher.review, matcher.automatic))
    found: list[Pair] = []
    compared = 0
    for id, each in enumerate(features):
        met = {other for ids in meeting.pop(id, ()) for other in ids if other > id}
        compared += len(met)
        for other in sorted(met):
            bits = matcher.bits(each, features[other])
            seen(id, other, bits)
            if on_grid(bits) >= floor:
                found.append(Pair(id, other, bits, matcher.version))
        if id % TELL_EVERY == 0:
            told("scored", id, len(features))
    return found, compared


def members(rows: Iterable[Row], policy: Policy, declared: Declarations = NOTHING_DECLARED) -> list[Member]:
    """Records as the pipeline makes them of rows that arrive once each, all at one time."""
    catalog = Catalog(0, {trait.name: trait for trait in BUILT_IN})
    sources: dict[str, Source] = {}
    found: list[Member] = []
    for row in rows:
        source = sources.setdefault(row.source, Source(len(sources) + 1, row.source, declared=declared))
        traits = row.traits
        named = canonical(traits)
        fresh = {name: Trait(name, infer(value)) for name, value in named.items() if name not in catalog.traits}
        if fresh:
            arrived = {name: replace(trait, origin="arrived") for name, trait in fresh.items()}
            catalog = Catalog(0, {**catalog.traits, **arrived})
        delivery = Delivery(0, source, row.id, AT, traits, row.identifiers, lists_all=True)
        said = word(delivery, named, catalog, policy)
        assert said is not None, "a record with a key identifies itself"
        state = RecordState(row.id, born=NEVER_BORN)
        state.join(said.said)
        found.append(Member(row, source, state, usable(state, policy)))
    return found
