"""One training: from a sample and the model to start from to the model that fits, and what it would change."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.domain.matching import Matcher
from app.domain.train import evidence
from app.domain.train.effect import Reach, Telling, reach, telling
from app.domain.train.evidence import Met
from app.domain.train.sample import Sample
from app.domain.train.thresholds import Evidence, calibrated
from app.identity.matching.adapt import adapt
from app.identity.matching.features import Features
from app.identity.matching.model import Model
from app.identity.matching.scorer import Scorer

Trainer = Callable[[Model, Sequence[Features]], Model]
"""Fits a model to records, without labels; its thresholds are an estimate."""


@dataclass(frozen=True, slots=True)
class Trained:
    """The model, by what its thresholds were set, and on how many records and pairs; `before` is what is in force,
    None while matching is off."""

    model: Model
    evidence: Evidence
    records: int
    met: int
    compared: int
    before: Reach | None
    after: Reach
    telling: Sequence[Telling]


def train(
    sample: Sample,
    base: Model,
    in_force: tuple[Matcher, Model] | None,
    *,
    precision: float,
    trainer: Trainer = adapt,
    told: Callable[[str], None] = lambda _: None,
) -> Trained:
    """Fit a model to the sample, leaning on `base`. The same sample gives the same model. `in_force` is what pairs are
    scored by now."""
    told("Fitting")
    fitted = trainer(base, [each.features for each in sample.records])
    told("Comparing")
    found = evidence.met(sample)
    model, by = calibrated(fitted, evidence.scores(sample, found, Scorer(fitted)), precision)
    return Trained(
        model,
        by,
        len(sample.records),
        found.many,
        len(found.some),
        _before(sample, found, in_force),
        reach(sample, found, model, model.automatic, model.review),
        telling(base if in_force is None else in_force[1], model),
    )


def _before(sample: Sample, found: Met, in_force: tuple[Matcher, Model] | None) -> Reach | None:
    if in_force is None:
        return None
    matcher, model = in_force
    return reach(sample, found, model, matcher.automatic, matcher.review)
