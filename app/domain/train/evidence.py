"""What a workspace knows already of who is one person, without the model: the labels that thresholds are set by."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from app.domain.train.sample import Drawn, Sample
from app.identity.matching.blocking import MAX_HOLDERS, blocking_keys
from app.identity.matching.features import Features
from app.identity.matching.scorer import Scorer

MOST: Final = 100_000
"""Pairs of each kind that are scored, drawn at random from all that meet."""
SEED: Final = 20_261_124

Two = tuple[int, int]
"""Places of two records in the sample, the smaller first."""


T = TypeVar("T")


class Draw(Generic[T]):
    """At most `most` of all that is offered, each as likely as any other (Vitter 1985, algorithm R); the same draw for
    the same offers."""

    def __init__(self, most: int = MOST) -> None:
        self.offered = 0
        self.kept: list[T] = []
        self._most = most
        self._random = random.Random(SEED)  # noqa: S311  a sample, no secret

    def offer(self, each: T) -> None:
        self.offered += 1
        if len(self.kept) < self._most:
            self.kept.append(each)
        elif (place := int(self._random.random() * self.offered)) < self._most:
            self.kept[place] = each


@dataclass(frozen=True, slots=True)
class Met:
    """The pairs that blocking brings together: how many, some of them at random, and with their labels some of those
    that are known to be one person or two."""

    many: int
    some: Sequence[Two]
    labelled: Sequence[tuple[Two, bool]]

    @property
    def share(self) -> float:
        """The part of all that `some` is."""
        return len(self.some) / self.many if self.many else 1.0


def met(sample: Sample) -> Met:
    """Walk through all pairs that meet, as they would without an account in common: those are what the model is for."""
    some: Draw[Two] = Draw()
    labelled: Draw[tuple[Two, bool]] = Draw()
    single = frozenset(name for name, rule in sample.policy.namespaces.items() if rule.max_values == 1)
    for pair in _meeting([without_accounts(each.features) for each in sample.records]):
        some.offer(pair)
        label = sample.decided.get(pair)
        if label is None:
            label = _known(sample.records[pair[0]], sample.records[pair[1]], single)
        if label is not None:
            labelled.offer((pair, label))
    return Met(some.offered, some.kept, labelled.kept)


def scores(sample: Sample, found: Met, scorer: Scorer) -> list[tuple[float, bool]]:
    """The labelled pairs by what the model says of them when it does not know of their accounts."""
    plain = [without_accounts(each.features) for each in sample.records]
    return [(scorer.bits(plain[a], plain[b]), label) for (a, b), label in found.labelled]


def without_accounts(features: Features) -> Features:
    return features._replace(identifiers=())


def _known(one: Drawn, other: Drawn, single: frozenset[str]) -> bool | None:
    """Whether two records are one person, as far as that is known. Only what the model does not compare can judge it:
    dates of birth and names that differ are left to the vetoes."""
    together = not one.accounts.isdisjoint(other.accounts)
    apart = one.one_per_person and one.source_id == other.source_id
    for namespace in single:
        mine = {held.value for held in one.accounts if held.namespace == namespace}
        theirs = {held.value for held in other.accounts if held.namespace == namespace}
        apart = apart or bool(mine and theirs and mine.isdisjoint(theirs))
    return None if together == apart else together


def _meeting(features: Sequence[Features]) -> Iterator[Two]:
    """Every pair that shares a blocking key which few carry, once, in order."""
    holders: dict[str, list[int]] = defaultdict(list)
    for place, each in enumerate(features):
        for key in set(blocking_keys(each)):
            holders[key].append(place)
    under: dict[int, list[list[int]]] = defaultdict(list)
    for places in holders.values():
        if 1 < len(places) <= MAX_HOLDERS:
            for place in places:
                under[place].append(places)
    del holders
    for place in range(len(features)):
        for other in sorted({other for places in under.pop(place, ()) for other in places if other > place}):
            yield place, other
