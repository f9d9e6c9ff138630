"""Survivorship: which claim for a trait becomes golden, and why. Total orders only, so all workers agree.

Ties are broken by the source's priority, then by the value itself, and last by
the record's (source, key): never by arrival. An empty value never beats a real
one (claims.py leaves it out).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from app.domain.claims import Json, Micros, weight


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
    if len(claims) == 1 and rule not in ("union", "sum"):
        return Golden(claims[0].value, claims[0], rule)
    return _RULES[rule](claims)


def golden(claims: Mapping[str, Sequence[Claim]], rules: Mapping[str, str]) -> dict[str, Golden]:
    """The golden value of every trait that anybody claims; `latest` where no rule is named."""
    return {name: survivor(said, rules.get(name, "latest")) for name, said in claims.items() if said}


def _newest(claim: Claim) -> tuple[Any, ...]:
    return (claim.at, claim.priority, weight(claim.value), claim.source, claim.key)


def _latest(claims: Sequence[Claim]) -> Golden:
    best = max(claims, key=_newest)
    return Golden(best.value, best, "latest")


def _earliest(claims: Sequence[Claim]) -> Golden:
    first = min(claim.at for claim in claims)
    best = max((claim for claim in claims if claim.at == first), key=_newest)
    return Golden(best.value, best, "earliest")


def _source_priority(claims: Sequence[Claim]) -> Golden:
    best = max(claims, key=lambda c: (c.priority, *_newest(c)))
    return Golden(best.value, best, "source_priority")


def _most_frequent(claims: Sequence[Claim]) -> Golden:
    votes = Counter(weight(claim.value) for claim in claims)
    best = max(claims, key=lambda c: (votes[weight(c.value)], *_newest(c)))
    return Golden(best.value, best, "most_frequent")


def _max(claims: Sequence[Claim]) -> Golden:
    best = max(claims, key=lambda c: (_size(c.value), *_newest(c)))
    return Golden(best.value, best, "max")


def _min(claims: Sequence[Claim]) -> Golden:
    least = min(_size(claim.value) for claim in claims)
    best = max((claim for claim in claims if _size(claim.value) == least), key=_newest)
    return Golden(best.value, best, "min")


def _union(claims: Sequence[Claim]) -> Golden:
    found: dict[tuple[int, bytes], Json] = {}
    for claim in claims:
        for value in claim.value if isinstance(claim.value, list) else [claim.value]:
            found[weight(value)] = value
    best = max(claims, key=_newest)
    return Golden([found[w] for w in sorted(found)], best, "union")


def _sum(claims: Sequence[Claim]) -> Golden:
    """The exact sum of the numbers claimed, one a record; money adds within the newest claim's currency."""
    best = max(claims, key=_newest)
    if isinstance(best.value, dict):
        currency = best.value.get("currency")
        amounts = [c.value for c in claims if isinstance(c.value, dict) and c.value.get("currency") == currency]
        return Golden({**best.value, "amount": sum(int(a.get("amount", 0)) for a in amounts)}, best, "sum")
    numbers = [Decimal(str(c.value)) for c in claims if _is_number(c.value)]
    total = sum(numbers, Decimal())
    exact = int(total) if total == total.to_integral_value() else float(total)
    return Golden(exact if numbers else best.value, best, "sum")


def _size(value: Json) -> tuple[int, Any]:
    """Numbers by size, money by amount, everything else by its canonical form (ISO dates sort as they should)."""
    if _is_number(value):
        return 1, Decimal(str(value))
    if isinstance(value, dict) and _is_number(value.get("amount")):
        return 2, (str(value.get("currency")), Decimal(str(value["amount"])))
    return 0, weight(value)


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
