"""Crowds: live records without a history, dense in whatever ties people together or keeps them apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from app.domain.deliveries import micros
from app.identity.cluster import Decision, Match, Node, Partition, components, partition
from app.identity.identifier import Identifier
from app.identity.policy import Policy
from app.identity.vetoes import facts_of
from tests.make import minute
from tests.properties.cast import CAST, Person
from tests.properties.division import Beside
from tests.properties.histories import POOLS, SINGLE, narrow, portraits, wide
from tests.properties.reading import Id, Name
from tests.properties.records import Record

SCORES = [31.5, 29.0, 17.0, 16.9995, 16.5, 13.0, 11.0, 9.0, 9.0 + 1e-9, 4.0]
"""log2 Bayes factors: on both sides of the thresholds, some nearer to each other than they are compared."""


@dataclass(frozen=True)
class Crowd:
    """Records in order of rank, with all that ties them; `generic` identifiers tie nobody."""

    live: Sequence[Record]
    policy: Policy
    beside: Beside

    @property
    def carried(self) -> set[Id]:
        return {identifier for record in self.live for identifier in record.identifiers}

    @property
    def generic(self) -> set[Id]:
        limits = {i: self.policy.rule(i[0]).max_records for i in self.carried}
        return {i for i, limit in limits.items() if sum(i in r.identifiers for r in self.live) > limit}


@st.composite
def crowds(draw: st.DrawFn, *, most: int = 9) -> Crowd:
    some = [(namespace, value) for namespace in ("user_id", "email", "device_id") for value in POOLS[namespace][1:3]]
    many = draw(st.integers(2, most))
    names = [(draw(st.sampled_from(["crm", "crm", "club"])), str(number)) for number in range(many)]
    cast = draw(st.lists(st.sampled_from(CAST), min_size=1, max_size=2))
    live = sorted((_record(draw, name, some, cast) for name in names), key=lambda record: record.rank)
    two = st.lists(st.sampled_from(names), min_size=2, max_size=2, unique=True).map(frozenset)
    decided = draw(st.dictionaries(two, st.sampled_from(["same", "different"]), max_size=4))
    scores = draw(st.dictionaries(two, st.sampled_from(SCORES), max_size=6))
    policy = draw(st.one_of(narrow(10, 60, 100), wide))
    return Crowd(live, policy, Beside(decided, scores, 9.0, 4.0, SINGLE))


def _record(draw: st.DrawFn, name: Name, some: Sequence[Id], cast: Sequence[Person]) -> Record:
    at = minute(draw(st.integers(0, 3)))
    said = {} if draw(st.integers(0, 5)) == 5 else draw(portraits(cast))
    held = draw(st.sets(st.sampled_from(some), max_size=2))
    return Record(name, at, True, {trait: (at, value) for trait, value in said.items()}, frozenset(held))


def people(crowd: Crowd, ids: Mapping[Name, int], order: Sequence[Record] | None = None) -> list[Partition]:
    """The crowd as the product divides it: its records under these ids, given in this order."""
    nodes = [_node(record, ids) for record in order or crowd.live]
    generic = {Identifier(*each) for each in crowd.generic}
    decided: Mapping[frozenset[Name], Any] = crowd.beside.decided
    said = [Decision(ids[a], ids[b], verdict) for (a, b), verdict in decided.items()]
    automatic = crowd.beside.automatic
    scored = crowd.beside.matches(ids.keys())
    matches = [Match(ids[a], ids[b], score, score - automatic) for (a, b), score in scored.items()]
    return [
        partition(component, generic, crowd.policy, decisions=said, matches=matches)
        for component in components(nodes, generic, decisions=said, matches=matches)
    ]


def _node(record: Record, ids: Mapping[Name, int]) -> Node:
    said = {trait: value for trait, (_, value) in record.traits.items()}
    account = record.name if record.name[0] in SINGLE else None
    held = [Identifier(*identifier) for identifier in record.identifiers]
    return Node(ids[record.name], (micros(record.born), *record.name), held, facts=facts_of(said, account))
