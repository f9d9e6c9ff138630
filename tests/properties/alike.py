"""A matcher small enough to be read at a glance, and the oracle's use of it: who is compared, and what that gives.

Whoever shares a family name or a birthday meets under that key, as long as few
do; a likeness counts for what it is worth, so that scores fall on all sides of
the thresholds. The oracle takes from it the keys and the score of two records,
and from the pipeline nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import orjson

from app.domain.matching import Matcher
from app.domain.pipeline import STEPS
from app.domain.pipeline.batch import Batch
from app.domain.pipeline.run import Step
from app.identity.matching.features import IDENTIFIERS
from tests.properties.cast import one_first_name, written
from tests.properties.division import Beside
from tests.properties.reading import Name
from tests.properties.records import Record

WORTH: Final = {"last_name": 6.25, "birthday": 12.0, "city": 2.0}
COLUMNS: Final = frozenset({"first_name", *WORTH})
AUTOMATIC, REVIEW = 12.0, 5.0
SHARED: Final = {"email", "phone", "anonymous_id", "device_id"}


def features(said: Mapping[str, Any]) -> dict[str, str]:
    return {column: written(value) for column, value in said.items() if isinstance(value, str) and value}


def keys(each: Mapping[str, str]) -> list[str]:
    return [f"{column}:{each[column]}" for column in ("last_name", "birthday") if column in each]


def bits(one: Mapping[str, str], other: Mapping[str, str]) -> float:
    """log2 Bayes factors, symmetric."""
    score = 0.0
    for column in one.keys() & other.keys():
        if column == "first_name":
            score += 4.5 if one_first_name(one[column], other[column]) else -4.0
        else:
            score += WORTH[column] if one[column] == other[column] else -3.0
    return score


@dataclass(frozen=True)
class Glance:
    """The matcher, with a limit of its own: a key that more than `max_holders` records carry compares nobody."""

    max_holders: int
    version: int = 1
    automatic: float = AUTOMATIC
    review: float = REVIEW
    columns: frozenset[str] = COLUMNS

    compared = Matcher.compared
    features = staticmethod(features)
    keys = staticmethod(keys)
    bits = staticmethod(bits)
    dump = staticmethod(orjson.dumps)
    load = staticmethod(orjson.loads)


def matching(most: int) -> tuple[tuple[str, Step], ...]:
    """The steps of the pipeline with that matcher at work."""

    glance: Any = Glance(most)

    async def bring(batch: Batch) -> None:
        batch.matcher = glance

    return (("bring", bring), *STEPS)


def compared(live: Sequence[Record], matcher: Any) -> dict[frozenset[Name], float]:
    """The score of every two records that meet under a key which at most `max_holders` carry."""
    known = {r.name: matcher.features(_said(r, matcher.columns)) for r in live}
    found = {name: set(matcher.keys(each)) for name, each in known.items()}
    carried = Counter(key for own in found.values() for key in own)
    return {
        frozenset({a, b}): matcher.bits(known[a], known[b])
        for a, b in combinations(known, 2)
        if any(carried[key] <= matcher.max_holders for key in found[a] & found[b])
    }


def _said(record: Record, columns: frozenset[str]) -> dict[str, Any]:
    """What a record is compared by: its traits, and the identifiers that few share by chance."""
    said = {column: record.said(column) for column in columns if column in record.traits}
    own = sorted(":".join(identifier) for identifier in record.identifiers if identifier[0] not in SHARED)
    return {**said, IDENTIFIERS: own} if own and IDENTIFIERS in columns else said


def beside(
    live: Sequence[Record], matcher: Any, single: frozenset[str], decided: Mapping[frozenset[Name], str] | None = None
) -> Beside:
    """What a matcher says of the live records, with what was decided on them."""
    return Beside(decided or {}, compared(live, matcher), matcher.automatic, matcher.review, single)
