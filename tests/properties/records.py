"""The oracle's records: what everything that was said of one record amounts to."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from app.identity.policy import Policy
from tests.properties.reading import NOBODY, Id, Name, Word, empty


@dataclass(frozen=True)
class Record:
    """What a record amounts to. `traits` maps to (time, value)."""

    name: Name
    born: datetime
    live: bool
    traits: Mapping[str, tuple[datetime, Any]]
    identifiers: frozenset[Id]

    @property
    def rank(self) -> tuple[datetime, str, str]:
        return (self.born, *self.name)

    def said(self, trait: str) -> Any:
        """What it says of a trait today, or None."""
        return self.traits[trait][1] if trait in self.traits else None


def joined(name: Name, words: Sequence[Word], policy: Policy) -> Record:
    """Everything that was said of one record. A deletion ends what was said up to its instant."""
    ends = [word.at for word in words if word.deleted]
    told = [word for word in words if not word.deleted]
    living = [word for word in told if not ends or word.at > max(ends)]
    traits: dict[str, tuple[datetime, Any]] = {}
    for trait in {trait for word in living for trait in word.traits}:
        at, _, value = max(
            ((word.at, canonical(word.traits[trait]), word.traits[trait]) for word in living if trait in word.traits),
            key=lambda claim: claim[:2],
        )
        if not empty(value):
            traits[trait] = (at, value)
    lists = [(word.at, sorted(set(word.listed))) for word in living if word.listed is not None]
    carried = {identifier for word in living for identifier in word.seen}
    carried |= set(max(lists)[1]) if lists else set()
    carried |= {(trait, traits[trait][1]) for trait in ("email", "phone") if trait in traits}
    return Record(
        name,
        min((word.at for word in told), default=datetime.max.replace(tzinfo=UTC)),
        bool(living),
        traits,
        frozenset(i for i in carried if not _blocked(i, policy)),
    )


def _blocked(identifier: Id, policy: Policy) -> bool:
    namespace, value = identifier
    return (
        value in NOBODY
        or value in policy.blocked_values.get(namespace, ())
        or any(fnmatchcase(value, pattern) for pattern in policy.blocked_patterns.get(namespace, ()))
    )


def canonical(value: Any) -> tuple[int, str]:
    """The order of values: null, blank, then all others as they are written."""
    if value is None:
        return 0, ""
    return (1 if empty(value) else 2), json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
