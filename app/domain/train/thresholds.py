"""From which score pairs are linked: where the pairs above are right often enough, as far as the workspace knows."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from app.identity.cluster import STEPS, on_grid
from app.identity.matching.model import Model

LEAST: Final = 200
"""Known pairs of one person, and of two, below which the model's own estimate stays."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """How many pairs were known to be one person (`same`) and two (`different`); `right` is the share of the former
    among those at or above the threshold, None where they were too few and the model's estimate was kept."""

    same: int
    different: int
    right: float | None


def calibrated(model: Model, known: Iterable[tuple[float, bool]], precision: float) -> tuple[Model, Evidence]:
    """The model with the lowest automatic threshold at which `precision` of the known pairs above are one person.

    `known` are (score, whether one person) of pairs that meet as others do. One pair more than were seen is taken to
    be wrong, so that few pairs promise little. Never below the model's own review threshold, from which one pair in
    ten is right.
    """
    assert 0 < precision < 1, precision
    ordered = sorted(known, key=lambda each: -each[0])
    same = sum(label for _, label in ordered)
    different = len(ordered) - same
    if min(same, different) < LEAST:
        return model, Evidence(same, different, None)
    # Where no threshold will do, above whatever was wrong.
    lowest = max(score for score, label in ordered if not label) + 1 / STEPS
    right = wrong = 0
    for number, (score, label) in enumerate(ordered):
        right, wrong = right + label, wrong + (not label)
        ends = number + 1 == len(ordered) or on_grid(ordered[number + 1][0]) != on_grid(score)
        if ends and right >= precision * (right + wrong + 1):
            lowest = min(lowest, score)
    # On the grid on which scores are compared: half a step lower would let in pairs that were not counted.
    automatic = max(on_grid(lowest) / STEPS, model.review)
    above = [label for score, label in ordered if on_grid(score) >= on_grid(automatic)]
    share = sum(above) / len(above) if above else 1.0
    return replace(model, automatic=automatic), Evidence(same, different, share)
