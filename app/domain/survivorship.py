"""Survivorship: which claim for a trait becomes golden, and why. Total orders only, so all workers agree.

Ties are broken by the source's priority, then by the value itself, and last by
the record's (source, key): never by arrival. An empty value never beats a real
one (claims.py leaves it out).
"""

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from app.domain.claims import Json, Micros, weight

MADE_OF_ALL = ("union", "sum")
"""Rules whose value is made of all claims and chosen among none."""


class Claim(NamedTuple):
    """One record's word for one trait. `source` and `key` name the record, `priority` is its source's."""

    value: Json
    at: Micros
    priority: int
    source: str
    key: str
    source_id: int


class Golden(NamedTuple):
    """A surviving value and the claim it came from, with the rule that chose it."""

    value: Json
    claim: Claim
    rule: str


def survivor(claims: Sequence[Claim], rule: str) -> Golden:
    """The golden value among at least one claim."""
    if len(claims) == 1 and rule not in MADE_OF_ALL:
        return Golden(claims[0].value, claims[0], rule)
    return _RULES[rule](claims)


def golden(claims: Mapping[str, Sequence[Claim]], rules: Mapping[str, str]) -> dict[str, Golden]:
    """The golden value of every trait that anybody claims; `latest` where no rule is named."""
    return {name: survivor(said, rules.get(name, "latest")) for name, said in claims.items() if said}


def newest(claims: Sequence[Claim]) -> Claim:
    """The claim said last; of equal times the more trusted source's, then the greater value's, then the record's."""
    at, priority = max((claim.at, claim.priority) for claim in claims)
    tied = [claim for claim in claims if claim.at == at and claim.priority == priority]
    return tied[0] if len(tied) == 1 else max(tied, key=lambda c: (weight(c.value), c.source, c.key))


def _latest(claims: Sequence[Claim]) -> Golden:
    best = newest(claims)
    return Golden(best.value, best, "latest")


def _earliest(claims: Sequence[Claim]) -> Golden:
    first = min(claim.at for claim in claims)
    best = newest([claim for claim in claims if claim.at == first])
    return Golden(best.value, best, "earliest")


def _source_priority(claims: Sequence[Claim]) -> Golden:
    most = max(claim.priority for claim in claims)
    best = newest([claim for claim in claims if claim.priority == most])
    return Golden(best.value, best, "source_priority")


def _most_frequent(claims: Sequence[Claim]) -> Golden:
    votes = Counter(weight(claim.value) for claim in claims)
    most = max(votes.values())
    best = newest([claim for claim in claims if votes[weight(claim.value)] == most])
    return Golden(best.value, best, "most_frequent")


def _max(claims: Sequence[Claim]) -> Golden:
    greatest = max(_size(claim.value) for claim in claims)
    best = newest([claim for claim in claims if _size(claim.value) == greatest])
    return Golden(best.value, best, "max")


def _min(claims: Sequence[Claim]) -> Golden:
    least = min(_size(claim.value) for claim in claims)
    best = newest([claim for claim in claims if _size(claim.value) == least])
    return Golden(best.value, best, "min")


def _union(claims: Sequence[Claim]) -> Golden:
    found: dict[tuple[int, bytes], Json] = {}
    for claim in claims:
        for value in claim.value if isinstance(claim.value, list) else [claim.value]:
            found[weight(value)] = value
    best = newest(claims)
    return Golden([found[w] for w in sorted(found)], best, "union")


def _sum(claims: Sequence[Claim]) -> Golden:
    """The exact sum of the numbers claimed, one a record; money adds within the newest claim's currency."""
    best = newest(claims)
    if _is_money(best.value):
        currency = best.value.get("currency")
        amounts = [c.value["amount"] for c in claims if _is_money(c.value) and c.value.get("currency") == currency]
        return Golden({**best.value, "amount": _total(amounts)}, best, "sum")
    numbers = [c.value for c in claims if _is_number(c.value)]
    return Golden(_total(numbers) if numbers else best.value, best, "sum")


def _total(numbers: Sequence[int | float]) -> int | float:
    """Fractions, for any sum that rounds on its way depends on the order. What 64 bits cannot hold becomes a float."""
    total = sum((n if isinstance(n, int) else Fraction(str(n)) for n in numbers), Fraction())
    if total.denominator == 1 and -(2**63) <= total < 2**64:
        return int(total)
    try:
        return float(total)
    except OverflowError:
        return sys.float_info.max if total > 0 else -sys.float_info.max


def _size(value: Json) -> tuple[int, Any]:
    """Numbers by size, money by amount, everything else by its canonical form (ISO dates sort as they should)."""
    if _is_number(value):
        return 1, Decimal(str(value))
    if _is_money(value):
        return 2, (str(value.get("currency")), Decimal(str(value["amount"])))
    return 0, weight(value)


def _is_money(value: Json) -> bool:
    return isinstance(value, dict) and _is_number(value.get("amount"))


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_RULES: Mapping[str, Callable[[Sequence[Claim]], Golden]] = {
    "latest": _latest,
    "earliest": _earliest,
    "source_priority": _source_priority,
    "most_frequent": _most_frequent,
    "max": _max,
    "min": _min,
    "union": _union,
    "sum": _sum,
}
RULES = frozenset(_RULES)
"""The names of the rules that a trait may have."""
