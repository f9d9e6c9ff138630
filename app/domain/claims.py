"""What one source record holds: a state to which every delivery is joined.

Joining is associative, commutative and idempotent (each part is a maximum by
the source's own time, or a union), so any order, batching or repetition of the
deliveries leaves the same state. That is what makes the profile a function of
the data. Instants are whole microseconds since 1970, UTC.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import orjson

from app.identity.identifier import Identifier

Json: TypeAlias = Any
Micros: TypeAlias = int
BEFORE_TIME: Micros = -(2**62)


@dataclass(frozen=True, slots=True)
class Said:
    """What one message says about one record, normalised.

    `traits`: canonical values, None where the source cleared the field. `unread`: values that could not be
    normalised, raw, with the code. `listed`: the record's identifiers where the source lists them all (None: it
    says nothing). `seen`: identifiers that came with an event and add to those known. `by_hand`: somebody else than
    its source speaks about the record, so it neither founds nor revives it.
    """

    at: Micros
    traits: Mapping[str, Json] = field(default_factory=dict)
    unread: Mapping[str, tuple[Json, str]] = field(default_factory=dict)
    listed: Sequence[Identifier] | None = None
    seen: Sequence[Identifier] = ()
    deleted: bool = False
    by_hand: bool = False


@dataclass(slots=True)
class RecordState:
    """The joined state. Each trait, the list and each seen identifier carry the time at which they were said.

    `withheld` are identifiers that the circuit breaker keeps from linking: what was said of them is not lost.
    """

    key: str
    born: Micros
    alive: Micros = BEFORE_TIME
    removed: Micros = BEFORE_TIME
    traits: dict[str, tuple[Micros, Json]] = field(default_factory=dict)
    unread: dict[str, tuple[Micros, Json, str]] = field(default_factory=dict)
    listed: tuple[Micros, list[Identifier]] | None = None
    seen: dict[Identifier, Micros] = field(default_factory=dict)
    withheld: frozenset[Identifier] = frozenset()

    @property
    def is_removed(self) -> bool:
        return self.alive <= self.removed

    def join(self, said: Said) -> None:
        """Take in one delivery."""
        at = said.at
        if said.deleted:
            self.removed = max(self.removed, at)
            return
        if not said.by_hand:
            self.born = min(self.born, at)
            self.alive = max(self.alive, at)
        for name, value in said.traits.items():
            if value is not None and is_empty(value):
                continue
            held = self.traits.get(name)
            if held is None or at > held[0] or (at == held[0] and weight(value) > weight(held[1])):
                self.traits[name] = (at, value)
        for name, (raw, code) in said.unread.items():
            before = self.unread.get(name)
            if before is None or (at, weight(raw), code) > (before[0], weight(before[1]), before[2]):
                self.unread[name] = (at, raw, code)
        if said.listed is not None:
            fresh = (at, sorted(set(said.listed)))
            if self.listed is None or fresh > self.listed:
                self.listed = fresh
        for identifier in said.seen:
            self.seen[identifier] = max(at, self.seen.get(identifier, BEFORE_TIME))

    def claims(self) -> dict[str, tuple[Micros, Json]]:
        """The traits that hold: said after the last removal, and not cleared. Empty values are never taken in."""
        removed = self.removed
        return {name: claim for name, claim in self.traits.items() if claim[1] is not None and claim[0] > removed}

    def identifiers(self) -> set[Identifier]:
        """The identifiers the record carries now, e-mail address and telephone number of its traits included."""
        if self.is_removed:
            return set()
        held = {identifier for identifier, at in self.seen.items() if at > self.removed}
        if self.listed is not None and self.listed[0] > self.removed:
            held.update(self.listed[1])
        for name in ("email", "phone"):
            claim = self.traits.get(name)
            if claim is not None and claim[0] > self.removed and isinstance(claim[1], str) and claim[1]:
                held.add(Identifier(name, of_trait(name, claim[1])))
        return held

    def dump(self) -> bytes:
        return orjson.dumps(
            {
                "k": self.key,
                "b": self.born,
                "a": self.alive,
                "d": self.removed,
                "t": self.traits,
                "u": self.unread,
                "l": self.listed and [self.listed[0], [[i.namespace, i.value] for i in self.listed[1]]],
                "s": [[i.namespace, i.value, at] for i, at in self.seen.items()],
                **({"h": [[i.namespace, i.value] for i in sorted(self.withheld)]} if self.withheld else {}),
            }
        )

    @classmethod
    def load(cls, blob: bytes) -> "RecordState":
        held = orjson.loads(blob)
        listed = held["l"]
        return cls(
            held["k"],
            held["b"],
            held["a"],
            held["d"],
            held["t"],
            held["u"],
            listed and (listed[0], [Identifier(n, v) for n, v in listed[1]]),
            {Identifier(n, v): at for n, v, at in held["s"]},
            frozenset(Identifier(n, v) for n, v in held.get("h", ())),
        )


def of_trait(name: str, value: str) -> str:
    """The identifier in an e-mail or telephone trait: a line's extension does not name the person."""
    return value.partition(";")[0] if name == "phone" else value


def same(one: Json, other: Json) -> bool:
    """Equal as JSON: 1, 1.0 and true are three values."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list | dict):
        return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)
    return bool(one == other)


def weight(value: Json) -> tuple[int, bytes]:
    """A total order over values, to break ties by the value itself: nothing, empty, then canonical JSON."""
    if value is None:
        return 0, b""
    return (1 if is_empty(value) else 2), orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def is_empty(value: Json) -> bool:
    """No word at all: a cleared field, an empty or blank text, an empty list or object. 0 and false are words."""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or value == [] or value == {}
