"""The oracle's division into people: the links in order, and what speaks against each."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from app.identity.policy import Policy
from tests.properties.apart import Proof, Side, alone, together, too_many, vetoed
from tests.properties.reading import Id, Name
from tests.properties.records import Record

STEPS = 1024
"""Scores are compared in steps of a 1024th."""


@dataclass(frozen=True)
class Beside:
    """What ties records beside the identifiers that they share. `decided`: verdict by pair. `scores`: log2 Bayes
    factors by pair, of every pair that was compared; `automatic` and `review` are the thresholds. `single`: sources
    with one record for each person."""

    decided: Mapping[frozenset[Name], str] = field(default_factory=dict)
    scores: Mapping[frozenset[Name], float] = field(default_factory=dict)
    automatic: float = float("inf")
    review: float = float("inf")
    single: frozenset[str] = frozenset()

    def verdicts(self, verdict: str, among: Collection[Name]) -> list[frozenset[Name]]:
        return [pair for pair, said in self.decided.items() if said == verdict and pair <= set(among)]

    def matches(self, among: Collection[Name]) -> dict[frozenset[Name], float]:
        """Pairs that are linked without a person."""
        floor = steps(self.automatic)
        return {pair: score for pair, score in self.scores.items() if pair <= set(among) and steps(score) >= floor}


NOTHING = Beside()


@dataclass(frozen=True)
class Link:
    """A reason to unite, `a` ranked before `b`, and why it did not."""

    a: Name
    b: Name
    identifier: Id | None
    refused: str | None
    kind: str = "identifier"
    score: float | None = None


def steps(score: float) -> float:
    return score if score in (float("inf"), float("-inf")) else float(round(score * STEPS))


def divided(
    live: Sequence[Record], carried: Iterable[Id], policy: Policy, beside: Beside = NOTHING
) -> tuple[list[Link], list[list[Record]]]:
    """Take the links in order and unite where nothing speaks against it. `live` is in order of rank."""
    values = set(carried)
    side = {record.name: alone(record) for record in live}
    links = []
    for reason in reasons(live, values, policy, beside):
        one, other = side[reason.a], side[reason.b]
        if one is other:
            continue
        refused = against(one, other, reason, values, policy, beside)
        links.append(Link(reason.a, reason.b, reason.identifier, refused, reason.kind, reason.score))
        if refused is None:
            both = together(one, other, proof(reason, policy, beside), values, policy)
            side |= {record.name: both for record in both.members}
    groups = {id(held): held for held in side.values()}
    return links, [sorted(held.members, key=lambda r: r.rank) for held in groups.values()]


def reasons(live: Sequence[Record], values: set[Id], policy: Policy, beside: Beside) -> Iterator[Link]:
    """Every reason to unite two records, the strongest first."""
    place = {record.name: number for number, record in enumerate(live)}

    def older_first(pair: frozenset[Name]) -> tuple[Name, Name]:
        a, b = sorted(pair, key=place.__getitem__)
        return a, b

    def places(pair: frozenset[Name]) -> list[int]:
        return sorted(place[name] for name in pair)

    for pair in sorted(beside.verdicts("same", place), key=places):
        yield Link(*older_first(pair), None, None, "decision")
    for identifier in sorted(values, key=lambda i: (-policy.rule(i[0]).priority, *i)):
        for a, b in combinations([r for r in live if identifier in r.identifiers], 2):
            yield Link(a.name, b.name, identifier, None)
    matches = beside.matches(place)
    for pair in sorted(matches, key=lambda p: (-steps(matches[p]), places(p))):
        yield Link(*older_first(pair), None, None, "match", matches[pair])


def against(one: Side, other: Side, reason: Link, values: set[Id], policy: Policy, beside: Beside) -> str | None:
    """What forbids to unite the two sides of a link."""
    if any(beside.decided.get(frozenset({a.name, b.name})) == "different" for a in one.members for b in other.members):
        return "different"
    if len(one.members) + len(other.members) > policy.max_cluster:
        return "max_cluster"
    if reason.kind == "decision":
        return None
    return too_many(one, other, values, policy) or vetoed(
        one, other, proof(reason, policy, beside), policy, beside.single
    )


def proof(reason: Link, policy: Policy, beside: Beside) -> Proof:
    if reason.identifier is not None:
        weak = policy.rule(reason.identifier[0]).priority <= policy.vetoes.weak_priority
        return Proof.WEAK if weak else Proof.STRONG
    if reason.score is None:
        return Proof.DECIDED
    above = steps(reason.score - beside.automatic)
    if above >= steps(policy.vetoes.first_name_margin):
        return Proof.STRONG
    return Proof.LIKELY if above >= steps(policy.vetoes.birthday_margin) else Proof.WEAK


def connected(live: Sequence[Record], generic: frozenset[Id], beside: Beside = NOTHING) -> list[frozenset[Name]]:
    """Flood from every record over all reasons that there are to unite or to part, refused links included."""
    tied = {*beside.decided, *beside.matches([r.name for r in live])}
    found: list[frozenset[Name]] = []
    for start in live:
        if any(start.name in group for group in found):
            continue
        group, edge = {start.name}, [start]
        while edge:
            here = edge.pop()
            for other in live:
                shared = (here.identifiers & other.identifiers) - generic
                if other.name not in group and (shared or frozenset({here.name, other.name}) in tied):
                    group.add(other.name)
                    edge.append(other)
        found.append(frozenset(group))
    return found
