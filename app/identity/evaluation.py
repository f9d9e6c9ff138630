"""How well a partition agrees with the truth: by pairs, by records (B-cubed), and by whole clusters.

Linear in the records; no pair is enumerated. B-cubed: Bagga and Baldwin 1998; the three views differ on purpose, for
pairs are ruled by the largest clusters and exact clusters by the smallest.
"""

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """`precision`: how much of what was put together belongs together. `recall`: how much of what belongs together was
    put together. 0 to 1; 1 where there is nothing to be wrong about."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A partition against the truth. `wrong` and `missed` count pairs; `exact` clusters are those that a truth equals.

    `overmerged`: clusters that hold more than one entity. `torn`: entities in more than one cluster. `largest` and
    `largest_entity`: records of the largest cluster and entity.
    """

    records: int
    entities: int
    clusters: int
    pairs: Measure
    bcubed: Measure
    exact: Measure
    right: int
    wrong: int
    missed: int
    overmerged: int
    torn: int
    largest: int
    largest_entity: int


def evaluate(found: Mapping[str, Hashable], truth: Mapping[str, Hashable]) -> Evaluation:
    """Compare `found` (record to cluster) with `truth` (record to entity). What the truth does not name is left out; a
    record that was not found is a cluster of its own."""
    placed: dict[str, tuple[bool, Hashable]] = {id: (True, found[id]) if id in found else (False, id) for id in truth}
    clusters, entities = Counter(placed.values()), Counter(truth.values())
    shared = Counter((placed[id], entity) for id, entity in truth.items())
    right, together, same = (sum(map(_pairs, each.values())) for each in (shared, clusters, entities))
    many = len(truth)
    exact = sum(1 for (cluster, entity), n in shared.items() if clusters[cluster] == n == entities[entity])
    return Evaluation(
        many,
        len(entities),
        len(clusters),
        Measure(_share(right, together), _share(right, same)),
        Measure(
            _share(sum(n * n / clusters[cluster] for (cluster, _), n in shared.items()), many),
            _share(sum(n * n / entities[entity] for (_, entity), n in shared.items()), many),
        ),
        Measure(_share(exact, len(clusters)), _share(exact, len(entities))),
        right,
        together - right,
        same - right,
        sum(n > 1 for n in Counter(cluster for cluster, _ in shared).values()),
        sum(n > 1 for n in Counter(entity for _, entity in shared).values()),
        max(clusters.values(), default=0),
        max(entities.values(), default=0),
    )


def _pairs(many: int) -> int:
    return many * (many - 1) // 2


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 1.0
