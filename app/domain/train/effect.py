"""What another model would change, seen on a sample: pairs that link or wait, and what the levels say."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.train.evidence import Met
from app.domain.train.sample import Sample
from app.identity.cluster import on_grid
from app.identity.matching.model import Model
from app.identity.matching.scorer import Scorer

TOLD = 10
"""Levels that are told."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Pairs of the sample that a model links, or shows to a person, at these thresholds; about as many, where not all
    pairs were scored."""

    automatic: float
    review: float
    linked: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Telling:
    """What a level says in bits, before and after. None before: the level is new."""

    comparison: str
    level: str
    before: float | None
    after: float


def reach(sample: Sample, met: Met, model: Model, automatic: float, review: float) -> Reach:
    """Count the pairs that meet by their score."""
    scorer, features = Scorer(model), [each.features for each in sample.records]
    linked = waiting = 0
    for a, b in met.some:
        steps = on_grid(scorer.bits(features[a], features[b]))
        if steps >= on_grid(automatic):
            linked += 1
        elif steps >= on_grid(review):
            waiting += 1
    return Reach(automatic, review, round(linked / met.share), round(waiting / met.share))


def telling(before: Model, after: Model) -> Sequence[Telling]:
    """Of the levels of which something was learned those that say most, for one person or against."""
    known = {(each.name, level.label): level.bits for each in before.comparisons for level in each.levels}
    found = [
        Telling(each.name, level.label, known.get((each.name, level.label)), level.bits)
        for each in after.comparisons
        for level in each.levels
    ]
    learned = [each for each in found if each.before is None or round(each.before, 3) != round(each.after, 3)]
    return sorted(learned, key=lambda each: -abs(each.after))[:TOLD]
