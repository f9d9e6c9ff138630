"""What ties records: beside the identifiers that they share, what people decided and what the model found alike."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar, cast

from app.core.sql import Queries, Tx
from app.identity.cluster import Decision, Match, Node, Partition, components, on_grid, partition
from app.identity.identifier import Identifier
from app.identity.policy import Policy

_ties = Queries("ties")


class Pair(NamedTuple):
    """Two records that the model scored at or above the review threshold, `a` < `b`; log2 Bayes factors."""

    a: int
    b: int
    score: float
    model: int


@dataclass(frozen=True, slots=True)
class Ties:
    """Standing decisions and scored pairs with at least one record among those asked for."""

    decisions: list[Decision]
    pairs: list[Pair]

    def matches(self, automatic: float) -> list[Match]:
        """The pairs that link without a person."""
        if automatic == math.inf:
            return []
        floor = on_grid(automatic)
        return [
            Match(pair.a, pair.b, pair.score, pair.score - automatic)
            for pair in self.pairs
            if on_grid(pair.score) >= floor
        ]


NO_TIES = Ties([], [])


async def of_records(tx: Tx, ids: Collection[int]) -> Ties:
    """The decisions and pairs of these records. Read after they are locked: who writes one locks its records."""
    if not ids:
        return NO_TIES
    decisions: list[Decision] = []
    pairs: dict[tuple[int, int], Pair] = {}
    for row in await _ties.rows(tx, "of_records", ids=list(ids)):
        if row["verdict"] is not None:
            decisions.append(Decision(row["a"], row["b"], cast(Literal["same", "different"], row["verdict"])))
        else:
            pairs[row["a"], row["b"]] = Pair(row["a"], row["b"], row["score"], row["model"])
    return Ties(decisions, list(pairs.values()))


TiedPair = TypeVar("TiedPair", Decision, Match)


def divide(
    nodes: Iterable[Node], generic: Collection[Identifier], policy: Policy, tied: Ties, automatic: float
) -> Iterable[tuple[list[Node], Partition]]:
    """Each connected component of the nodes with its division into people."""
    matches = tied.matches(automatic)
    decided, matched = _by_record(tied.decisions), _by_record(matches)
    for component in components(nodes, generic, decisions=tied.decisions, matches=matches):
        yield (
            component,
            partition(
                component,
                generic,
                policy,
                decisions=[d for each in component for d in decided.get(each.id, ())],
                matches=[m for each in component for m in matched.get(each.id, ())],
            ),
        )


def _by_record(tied: Iterable[TiedPair]) -> Mapping[int, list[TiedPair]]:
    """Each pair under its first record."""
    found: dict[int, list[TiedPair]] = defaultdict(list)
    for pair in tied:
        found[pair.a].append(pair)
    return found
