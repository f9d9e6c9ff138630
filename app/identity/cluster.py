"""Clusters: which records are one person. A function of the records, the decisions, the matches and the policy.

`partition` takes the links strongest first and unites two sides unless the
united cluster would break a limit; it is the specification of identity
resolution, run on one connected component at a time. No code edits a cluster
in place: whatever changes, the component is derived again.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final, Literal

from app.identity.groups import Groups
from app.identity.identifier import Identifier
from app.identity.policy import EDITED_RECORD, Policy
from app.identity.sides import Side
from app.identity.vetoes import Facts, Strength, told, veto

Rank = tuple[int, str, str]
"""(born, in microseconds since 1970; source; key): intrinsic to the data, so every order of arrival agrees on it."""

STEPS: Final = 1024
"""Steps of the grid on which scores are compared, per unit: what differs in its last digits only must not decide."""


@dataclass(frozen=True, slots=True)
class Node:
    """A source record as resolution sees it. `identifiers` holds no blocked value. A record that does not `found` (a
    change by hand, say) belongs to a person that others make, and makes none alone. `facts` are what vetoes read."""

    id: int
    rank: Rank
    identifiers: Collection[Identifier]
    founds: bool = True
    facts: Facts | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's verdict on two records, by their ids; it outranks everything but another verdict and the cap."""

    a: int
    b: int
    verdict: Literal["same", "different"]


@dataclass(frozen=True, slots=True)
class Match:
    """Two records that score at or above the automatic threshold, `margin` bits above it; log2 Bayes factors."""

    a: int
    b: int
    score: float
    margin: float = 0.0


@dataclass(frozen=True, slots=True)
class Tie:
    """A reason to unite two records, `a` ranked before `b`; `refused` says why it unites nobody.

    `identifier` is that of a tie of its kind, `score` that of a match. Reasons: `different` (decided so),
    `max_cluster`, `veto:<which>`, `max_values:<namespace>`.
    """

    a: int
    b: int
    kind: Literal["decision", "identifier", "match"]
    identifier: Identifier | None = None
    score: float | None = None
    refused: str | None = None
    margin: float = 0.0


@dataclass(frozen=True, slots=True)
class Partition:
    """The clusters of one component, each canonical record first, and the links that made or might have made them.

    `loose` are the records that no founding record holds: they are in no cluster.
    """

    clusters: Sequence[tuple[int, ...]]
    ties: Sequence[Tie]
    loose: Sequence[int] = ()


def on_grid(score: float) -> int:
    """A score as it is compared, here and against a threshold: whole steps of 1/1024."""
    return round(score * STEPS)


def holders(nodes: Iterable[Node], generic: Collection[Identifier]) -> dict[Identifier, list[Node]]:
    """Who carries each identifier that can link, in rank order."""
    carried: dict[Identifier, list[Node]] = defaultdict(list)
    for node in sorted(nodes, key=lambda n: n.rank):
        for identifier in node.identifiers:
            if identifier not in generic:
                carried[identifier].append(node)
    return carried


def components(
    nodes: Iterable[Node],
    generic: Collection[Identifier],
    *,
    decisions: Iterable[Decision] = (),
    matches: Iterable[Match] = (),
) -> list[list[Node]]:
    """The connected components over all links, refused ones and verdicts of both kinds included: how far a change
    can reach. Decisions and matches with a record that is not among `nodes` say nothing."""
    nodes = list(nodes)
    groups = Groups(node.id for node in nodes)
    for sharing in holders(nodes, generic).values():
        for node in sharing[1:]:
            groups.unite(sharing[0].id, node.id)
    pairs = [(d.a, d.b) for d in decisions] + [(m.a, m.b) for m in matches]
    for a, b in pairs:
        if a in groups and b in groups:
            groups.unite(a, b)
    members: dict[int, list[Node]] = defaultdict(list)
    for node in nodes:
        members[groups.root(node.id)].append(node)
    return list(members.values())


def partition(
    component: Sequence[Node],
    generic: Collection[Identifier],
    policy: Policy,
    *,
    decisions: Iterable[Decision] = (),
    matches: Iterable[Match] = (),
) -> Partition:
    """Divide one connected component into clusters. `generic` are the identifiers that link nobody.

    `decisions` and `matches` are those of the component; others are passed over.
    """
    if len(component) == 1:
        alone = component[0].id
        return Partition([(alone,)], []) if component[0].founds else Partition([], [], [alone])
    ranks = {node.id: node.rank for node in component}
    decisions = [d for d in decisions if d.a in ranks and d.b in ranks]
    sides = _Sides(component, generic, policy, [d for d in decisions if d.verdict == "different"])
    ties: list[Tie] = []
    for tie in _in_order(component, generic, policy, decisions, [m for m in matches if m.a in ranks and m.b in ranks]):
        # Between groups, not records: a pair already in one cluster adds no reason to keep.
        if sides.groups.root(tie.a) != sides.groups.root(tie.b):
            because = sides.take(tie)
            ties.append(tie if because is None else replace(tie, refused=because))
    members: dict[int, list[int]] = defaultdict(list)
    for id in sorted(ranks, key=ranks.__getitem__):
        members[sides.groups.root(id)].append(id)
    founders = {node.id for node in component if node.founds}
    founded = [tuple(ids) for ids in members.values() if not founders.isdisjoint(ids)]
    loose = [id for ids in members.values() if founders.isdisjoint(ids) for id in ids]
    return Partition(founded, ties, loose)


def _in_order(
    component: Sequence[Node],
    generic: Collection[Identifier],
    policy: Policy,
    decisions: Iterable[Decision],
    matches: Iterable[Match],
) -> Iterator[Tie]:
    """Every link of the component, strongest first; equally strong ones by the ranks of their records."""
    ranks = {node.id: node.rank for node in component}

    def older_first(pair: Decision | Match) -> tuple[int, int]:
        return (pair.a, pair.b) if ranks[pair.a] < ranks[pair.b] else (pair.b, pair.a)

    def by_ranks(pair: Decision | Match) -> tuple[Rank, Rank]:
        a, b = older_first(pair)
        return ranks[a], ranks[b]

    for said in sorted((d for d in decisions if d.verdict == "same"), key=by_ranks):
        yield Tie(*older_first(said), "decision")
    carried = holders(component, generic)
    for shared in sorted((i for i, sharing in carried.items() if len(sharing) > 1), key=lambda i: _order(i, policy)):
        for left, right in combinations(carried[shared], 2):
            yield Tie(left.id, right.id, "identifier", shared)
    for match in sorted(matches, key=lambda m: (-on_grid(m.score), *by_ranks(m))):
        yield Tie(*older_first(match), "match", score=match.score, margin=match.margin)


def _order(identifier: Identifier, policy: Policy) -> tuple[int, str, str]:
    return -policy.rule(identifier.namespace).priority, identifier.namespace, identifier.value


class _Sides:
    """The groups of a component as they grow, and what speaks against uniting two of them."""

    def __init__(
        self,
        component: Sequence[Node],
        generic: Collection[Identifier],
        policy: Policy,
        different: Iterable[Decision],
    ) -> None:
        foes: dict[int, set[int]] = defaultdict(set)
        for said in different:
            foes[said.a].add(said.b)
            foes[said.b].add(said.a)
        self._policy = policy
        self.groups = Groups(node.id for node in component)
        self._sides = {
            node.id: Side(_values(node, generic), told(node.facts), frozenset(foes[node.id])) for node in component
        }

    def take(self, tie: Tie) -> str | None:
        """Unite the two sides of a tie and return None, or return the reason that forbids it."""
        one, other = self.groups.root(tie.a), self.groups.root(tie.b)
        strength = _strength(tie, self._policy)
        because = self._against(one, other, strength, decided=tie.kind == "decision")
        if because is None:
            side = self._sides.pop(one).with_(self._sides.pop(other), strength)
            if tie.kind == "decision":
                side = side.pardoned_by(self._policy)
            self._sides[self.groups.unite(one, other)] = side
        return because

    def _against(self, one: int, other: int, strength: Strength, *, decided: bool) -> str | None:
        """The first reason in a fixed order, so that all agree on it."""
        mine, theirs = self._sides[one], self._sides[other]
        if any(self.groups.root(foe) == other for foe in mine.foes):
            return "different"
        if self.groups.size(one) + self.groups.size(other) > self._policy.max_cluster:
            return "max_cluster"
        if decided:
            return None
        return mine.too_many_with(theirs, self._policy) or veto(mine.told, theirs.told, strength, self._policy.vetoes)


def _values(node: Node, generic: Collection[Identifier]) -> Mapping[str, frozenset[str]]:
    held: dict[str, set[str]] = defaultdict(set)
    for identifier in node.identifiers:
        if identifier not in generic:
            held[identifier.namespace].add(identifier.value)
    return {namespace: frozenset(values) for namespace, values in held.items()}


def _strength(tie: Tie, policy: Policy) -> Strength:
    if tie.identifier is not None:
        if tie.identifier.namespace == EDITED_RECORD:
            # An edit by hand corrects what its record says; that the two differ is its purpose.
            return Strength.DECIDED
        weak = policy.rule(tie.identifier.namespace).priority <= policy.vetoes.weak_priority
        return Strength.WEAK if weak else Strength.STRONG
    if tie.kind == "match":
        above = on_grid(tie.margin)
        if above >= on_grid(policy.vetoes.first_name_margin):
            return Strength.STRONG
        return Strength.LIKELY if above >= on_grid(policy.vetoes.birthday_margin) else Strength.WEAK
    return Strength.DECIDED
