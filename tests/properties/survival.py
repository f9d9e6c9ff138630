"""The oracle's survivors: which value of a person's records is golden."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from tests.properties.reading import Name
from tests.properties.records import Record, canonical


@dataclass(frozen=True)
class Claim:
    at: datetime
    priority: int
    value: Any
    name: Name

    @property
    def newest(self) -> tuple[Any, ...]:
        return (self.at, self.priority, canonical(self.value), *self.name)


def golden(
    members: Sequence[Record], priorities: Mapping[str, int], rules: Mapping[str, str]
) -> dict[str, tuple[Any, str, str, datetime, str]]:
    found = {}
    for trait in {trait for record in members for trait in record.traits}:
        rule = rules.get(trait, "latest")
        claims = [
            Claim(*_at_and_priority(record, trait, priorities), record.traits[trait][1], record.name)
            for record in members
            if trait in record.traits
        ]
        value, best = survivor(claims, rule)
        found[trait] = (value, *best.name, best.at, rule)
    return found


def _at_and_priority(record: Record, trait: str, priorities: Mapping[str, int]) -> tuple[datetime, int]:
    return record.traits[trait][0], priorities[record.name[0]]


def survivor(claims: Sequence[Claim], rule: str) -> tuple[Any, Claim]:
    """The golden value and the claim it came from: by the rule, then by who said it last."""
    newest = max(claims, key=lambda c: c.newest)
    if rule == "union":
        items = [i for c in claims for i in (c.value if isinstance(c.value, list) else [c.value])]
        return [json.loads(text) for _, text in sorted({canonical(item) for item in items})], newest
    if rule == "sum":
        total = sum(Fraction(str(c.value)) for c in claims)
        return int(total) if total.denominator == 1 else float(total), newest
    wanted: Callable[[Claim], Any] = {
        "latest": lambda c: 0,
        "earliest": lambda c: -c.at.timestamp(),
        "source_priority": lambda c: c.priority,
        "most_frequent": lambda c: sum(canonical(o.value) == canonical(c.value) for o in claims),
        "max": lambda c: c.value,
        "min": lambda c: -c.value,
    }[rule]
    most = max(wanted(c) for c in claims)
    best = max((c for c in claims if wanted(c) == most), key=lambda c: c.newest)
    return best.value, best
