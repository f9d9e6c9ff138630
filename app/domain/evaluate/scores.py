"""How the compared pairs scored, those of one entity and those of two apart."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from app.identity.cluster import on_grid

MOST_BITS: Final = 64
"""Scores beyond, either way, are counted with the outermost: they decide nothing any more."""

MAX_LOW: Final = 100_000
"""True pairs below the review threshold whose score is kept, to say later why an entity is torn."""


@dataclass(slots=True)
class Scores:
    """Told of every compared pair. `labels` is each record's entity by its place, None where the truth has none.

    `alike` and `apart` count the pairs of one entity and of two by whole bits: n holds n <= score < n + 1.
    `low` are pairs of one entity that scored below `review`; it is `whole` until there are too many.
    """

    labels: Sequence[str | None]
    review: float
    alike: Counter[int] = field(default_factory=Counter)
    apart: Counter[int] = field(default_factory=Counter)
    low: dict[tuple[int, int], float] = field(default_factory=dict)
    whole: bool = True

    def seen(self, a: int, b: int, bits: float) -> None:
        one, other = self.labels[a], self.labels[b]
        if one is None or other is None:
            return
        bits = max(-MOST_BITS, min(MOST_BITS, bits))
        step = min(math.floor(bits), MOST_BITS - 1)
        if one != other:
            self.apart[step] += 1
            return
        self.alike[step] += 1
        if self.is_low(bits):
            if len(self.low) < MAX_LOW:
                self.low[a, b] = bits
            else:
                self.whole = False

    def is_low(self, bits: float) -> bool:
        """Whether nobody would be asked about a pair of this score."""
        return on_grid(bits) < on_grid(self.review)
