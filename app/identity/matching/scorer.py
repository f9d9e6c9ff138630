"""Scoring two records by a model, compiled once: the same number as Splink's and as the bulk engine's SQL."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from app.identity.matching.conditions import test
from app.identity.matching.features import Features
from app.identity.matching.model import Comparison, Frequencies, Model

LEAST_FREQUENCY: Final = 1e-6
CACHED: Final = 65_536
Judge: TypeAlias = Callable[[Features, Features], int]
"""The level of a pair by its number, -1 where nothing can be said."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one comparison says, in bits."""

    comparison: str
    level: str
    bits: float


@dataclass(frozen=True, slots=True)
class Score:
    """The sum, and what it is made of; comparisons that say nothing are left out."""

    bits: float
    contributions: tuple[Contribution, ...]


class Scorer:
    """One model, ready to score. Symmetric: either order of two records gives the very same number."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._parts = [_part(each, model.frequencies.get(each.frequency or "")) for each in model.comparisons]

    def bits(self, one: Features, other: Features) -> float:
        """The score of two records, in log2 Bayes factors."""
        total = 0.0
        for part in self._parts:
            total += part(one, other)
        return total

    def score(self, one: Features, other: Features) -> Score:
        """The score with what each comparison contributes."""
        found = []
        for comparison, part in zip(self.model.comparisons, self._parts, strict=True):
            level = judge(comparison)(one, other)
            if level >= 0:
                found.append(Contribution(comparison.name, comparison.levels[level].label, part(one, other)))
        return Score(self.bits(one, other), tuple(found))


@lru_cache(256)
def judge(comparison: Comparison) -> Judge:
    """A comparison as a function: the first level that holds."""
    places = [Features._fields.index(column) for column in comparison.present]
    tests = [test(level.when) for level in comparison.levels if level.when is not None]
    last = len(tests)

    def level(one: Features, other: Features) -> int:
        for place in places:
            if one[place] and other[place]:
                break
        else:
            return -1
        for number, holds in enumerate(tests):
            if holds(one, other):
                return number
        return last

    return level


def _part(comparison: Comparison, frequencies: Frequencies | None) -> Callable[[Features, Features], float]:
    decide = judge(comparison)
    weights = (*(level.bits for level in comparison.levels), 0.0)  # the last for -1: nothing can be said
    if comparison.frequency is None or frequencies is None:
        return lambda one, other: weights[decide(one, other)]
    place, weighed = Features._fields.index(comparison.frequency), comparison.weighed
    m = comparison.levels[weighed or 0].m

    @lru_cache(CACHED)
    def of_value(value: str) -> float:
        return math.log2(m / max(frequencies.of(value), LEAST_FREQUENCY))

    def part(one: Features, other: Features) -> float:
        level = decide(one, other)
        return of_value(one[place]) if level == weighed else weights[level]

    return part
