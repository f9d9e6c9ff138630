"""The scores as a picture: pairs of one person grow upwards, pairs of two downwards, the thresholds between them."""

import math
from collections.abc import Iterator
from typing import Final

from app.domain.evaluate.scores import Scores

WIDTH: Final = 960
HALF: Final = 130
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 34, 40
MIDDLE: Final = TOP + HALF
ROOM_FOR_BITS: Final = 2
"""Bits that are shown beyond the outermost score and threshold."""


def histogram(scores: Scores, review: float, automatic: float) -> str:
    """An SVG that takes its colours from the page around it. Heights are logarithmic: the few pairs near a threshold
    matter as much as the many far from it."""
    thresholds = [bits for bits in (review, automatic) if math.isfinite(bits)]
    steps = [*scores.alike, *scores.apart, *map(math.floor, thresholds)] or [0]
    low, high = min(steps) - ROOM_FOR_BITS, max(steps) + 1 + ROOM_FOR_BITS
    most = max([*scores.alike.values(), *scores.apart.values(), 9])
    height = TOP + 2 * HALF + BOTTOM
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="How the compared pairs scored">',
        *_axis(low, high, most),
        *_bars(scores, low, high, most),
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{MIDDLE}" y2="{MIDDLE}"/>',
        *_threshold(review, low, high, "a person is asked", "end"),
        *_threshold(automatic, low, high, "linked", "start"),
        "</svg>",
    ]
    return "".join(parts)


def _x(bits: float, low: int, high: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (bits - low) / (high - low)


def _tall(many: int, most: int) -> float:
    return HALF * math.log10(1 + many) / math.log10(1 + most)


def _bars(scores: Scores, low: int, high: int, most: int) -> Iterator[str]:
    wide = max(1.0, _x(low + 1, low, high) - LEFT - 1)
    for counts, name, said in ((scores.alike, "alike", "one person"), (scores.apart, "apart", "two people")):
        for step, many in sorted(counts.items()):
            tall = max(1.5, _tall(many, most))
            top = MIDDLE - tall if name == "alike" else MIDDLE
            yield (
                f'<rect class="{name}" x="{_x(step, low, high):.1f}" y="{top:.1f}" width="{wide:.1f}" '
                f'height="{tall:.1f}"><title>{step} to {step + 1} bits: {many:,} pairs of {said}</title></rect>'
            )


def _axis(low: int, high: int, most: int) -> Iterator[str]:
    many = 1
    while many <= most:
        tall = _tall(many, most)
        for y in (MIDDLE - tall, MIDDLE + tall):
            yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_short(many)}</text>'
        many *= 10
    every = next(each for each in (5, 10, 20, 50) if (high - low) / each <= 16)
    for bits in range(math.ceil(low / every) * every, high + 1, every):
        x = _x(bits, low, high)
        yield f'<text x="{x:.1f}" y="{MIDDLE + HALF + 18}" text-anchor="middle">{bits}</text>'
    yield f'<text x="{WIDTH - RIGHT}" y="{MIDDLE + HALF + 34}" text-anchor="end">score in bits</text>'


def _threshold(bits: float, low: int, high: int, said: str, anchor: str) -> Iterator[str]:
    if math.isfinite(bits):
        x = _x(bits, low, high)
        aside = -5 if anchor == "end" else 5
        yield f'<line class="threshold" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 18}" y2="{MIDDLE + HALF}"/>'
        label = f"{said} from {bits:.1f}"
        yield f'<text class="mark" x="{x + aside:.1f}" y="{TOP - 10}" text-anchor="{anchor}">{label}</text>'


def _short(many: int) -> str:
    for size, letter in ((10**6, "M"), (10**3, "k")):
        if many >= size:
            return f"{many // size}{letter}"
    return str(many)
