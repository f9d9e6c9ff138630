"""Clusters: which records are one person. A function of the records and the policy, and of nothing else.

`partition` takes the links strongest first and unites two sides unless the
united cluster would break a limit; it is the specification of identity
resolution, run on one connected component at a time. No code edits a cluster
in place: whatever changes, the component is derived again.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from app.identity.identifier import Identifier
from app.identity.policy import Policy

Rank = tuple[int, str, str]
"""(born, in microseconds since 1970; source; key): intrinsic to the data, so every order of arrival agrees on it."""

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Node:
    """A source record as resolution sees it. `identifiers` holds no blocked value. A record that does not `found` (a
    change by hand, say) belongs to a person that others make, and makes none alone."""

    id: int
    rank: Rank
    identifiers: Collection[Identifier]
    founds: bool = True


@dataclass(frozen=True, slots=True)
class Tie:
    """A link by a shared identifier between two records, `a` ranked before `b`; `refused` says why it unites nobody."""

    a: int
    b: int
    identifier: Identifier
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Partition:
    """The clusters of one component, each canonical record first, and the links that made or might have made them.

    `loose` are the records that no founding record holds: they are in no cluster.
    """

    clusters: Sequence[tuple[int, ...]]
    ties: Sequence[Tie]
    loose: Sequence[int] = ()


def holders(nodes: Iterable[Node], generic: Collection[Identifier]) -> dict[Identifier, list[Node]]:
    """Who carries each identifier that can link, in rank order."""
    carried: dict[Identifier, list[Node]] = defaultdict(list)
    for node in sorted(nodes, key=lambda n: n.rank):
        for identifier in node.identifiers:
            if identifier not in generic:
                carried[identifier].append(node)
    return carried


def components(nodes: Iterable[Node], generic: Collection[Identifier]) -> list[list[Node]]:
    """The connected components over all links, refused ones included: how far a change can reach."""
    nodes = list(nodes)
    groups = _Groups(node.id for node in nodes)
    for sharing in holders(nodes, generic).values():
        for node in sharing[1:]:
            groups.unite(sharing[0].id, node.id)
    members: dict[int, list[Node]] = defaultdict(list)
    for node in nodes:
        members[groups.root(node.id)].append(node)
    return list(members.values())


def partition(component: Sequence[Node], generic: Collection[Identifier], policy: Policy) -> Partition:
    """Divide one connected component into clusters. `generic` are the identifiers that link nobody."""
    if len(component) == 1:
        alone = component[0].id
        return Partition([(alone,)], []) if component[0].founds else Partition([], [], [alone])
    carried = holders(component, generic)
    values = {node.id: _values(node, generic) for node in component}
    ranks = {node.id: node.rank for node in component}
    groups = _Groups(ranks)
    ties: list[Tie] = []
    for identifier in sorted(
        (i for i, sharing in carried.items() if len(sharing) > 1), key=lambda i: _order(i, policy)
    ):
        # Between groups, not records: a pair already in one cluster adds no reason to keep.
        for left, right in combinations(carried[identifier], 2):
            one, other = groups.root(left.id), groups.root(right.id)
            if one == other:
                continue
            because = _breaks(values[one], values[other], groups.size(one) + groups.size(other), policy)
            ties.append(Tie(left.id, right.id, identifier, because))
            if because is None:
                kept = groups.unite(one, other)
                values[kept] = _united(values[one], values[other])
    members: dict[int, list[int]] = defaultdict(list)
    for id in sorted(ranks, key=ranks.__getitem__):
        members[groups.root(id)].append(id)
    founders = {node.id for node in component if node.founds}
    founded = [tuple(ids) for ids in members.values() if not founders.isdisjoint(ids)]
    loose = [id for ids in members.values() if founders.isdisjoint(ids) for id in ids]
    return Partition(founded, ties, loose)


def _order(identifier: Identifier, policy: Policy) -> tuple[int, str, str]:
    return -policy.rule(identifier.namespace).priority, identifier.namespace, identifier.value


def _values(node: Node, generic: Collection[Identifier]) -> Mapping[str, frozenset[str]]:
    held: dict[str, set[str]] = defaultdict(set)
    for identifier in node.identifiers:
        if identifier not in generic:
            held[identifier.namespace].add(identifier.value)
    return {namespace: frozenset(values) for namespace, values in held.items()}


def _united(one: Mapping[str, frozenset[str]], other: Mapping[str, frozenset[str]]) -> Mapping[str, frozenset[str]]:
    return {name: one.get(name, NOTHING) | other.get(name, NOTHING) for name in one.keys() | other.keys()}


def _breaks(
    one: Mapping[str, frozenset[str]], other: Mapping[str, frozenset[str]], size: int, policy: Policy
) -> str | None:
    """Why these two may not be one person, or None. The first broken limit by name, so that all agree on the reason."""
    if size > policy.max_cluster:
        return "max_cluster"
    for name in sorted(one.keys() | other.keys()):
        if len(one.get(name, NOTHING) | other.get(name, NOTHING)) > policy.rule(name).max_values:
            return f"max_values:{name}"
    return None


class _Groups:
    """Union-find by size with path halving."""

    def __init__(self, ids: Iterable[int]) -> None:
        self._parent = {id: id for id in ids}
        self._size = dict.fromkeys(self._parent, 1)

    def root(self, id: int) -> int:
        parent = self._parent
        while parent[id] != id:
            parent[id] = parent[parent[id]]
            id = parent[id]
        return id

    def size(self, root: int) -> int:
        return self._size[root]

    def unite(self, one: int, other: int) -> int:
        """Join the groups of two records and return the root of the joined group."""
        one, other = self.root(one), self.root(other)
        if one == other:
            return one
        if self._size[one] < self._size[other]:
            one, other = other, one
        self._parent[other] = one
        self._size[one] += self._size.pop(other)
        return one
