"""The golden profile as a value, and how it lies in its row: public traits in the clear, the rest sealed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from app.core.crypto.keyring import Keyring
from app.domain.claims import Json, Micros, same
from app.identity.identifier import Identifier

EXPONENT_FROM = 1e16
"""From here on JSON writers give a float an exponent; jsonb writes it out."""


class Proof(NamedTuple):
    """Where a golden value came from: the record, its source's time, and the rule that chose it."""

    source_id: int
    key: str
    at: Micros
    rule: str


@dataclass(frozen=True, slots=True)
class Content:
    """What a profile says: the part that versions are made of.

    `records` are (source id, key) pairs. Traits, identifiers and records are in canonical order, so that equal
    contents are equal values and equal bytes. `renewed` names the traits whose proof changed since the last version
    while their value did not; the next version says those proofs, too.
    """

    traits: Mapping[str, Json]
    proofs: Mapping[str, Proof]
    identifiers: Sequence[Identifier]
    records: Sequence[tuple[int, str]]
    renewed: frozenset[str] = field(default=frozenset(), compare=False)

    def says_the_same(self, other: "Content") -> bool:
        """Equal but for provenance: a value that was merely heard again makes no new version."""
        return (
            self.traits.keys() == other.traits.keys()
            and all(same(value, other.traits[name]) for name, value in self.traits.items())
            and list(self.identifiers) == list(other.identifiers)
            and list(self.records) == list(other.records)
        )


EMPTY = Content({}, {}, (), ())


@dataclass(slots=True)
class GoldenProfile:
    """A profile row. `live` is false once it was merged away: its id then leads elsewhere."""

    id: int
    component_id: int
    version: int
    live: bool
    created_at: datetime
    updated_at: datetime
    content: Content


@dataclass(frozen=True, slots=True)
class Columns:
    """A profile's content as its three columns."""

    public: dict[str, Json]
    sealed: bytes
    proof: bytes


def to_columns(keyring: Keyring, id: int, content: Content, public: frozenset[str]) -> Columns:
    open_traits = {name: value for name, value in content.traits.items() if name in public}
    rest = {name: value for name, value in content.traits.items() if name not in public or _rewritten(value)}
    sealed = {"t": rest, "i": [[i.namespace, i.value] for i in content.identifiers]}
    proof = {
        "t": {name: [p.source_id, p.key, p.at, p.rule] for name, p in content.proofs.items()},
        "r": content.records,
        "n": sorted(content.renewed),
    }
    return Columns(
        open_traits,
        keyring.seal(orjson.dumps(sealed), "profiles", "sealed", id),
        keyring.seal(orjson.dumps(proof), "profiles", "proof", id),
    )


def _rewritten(value: Json) -> bool:
    """Whether jsonb gives this back as another value: it writes -0.0 as 0.0 and 1e17 as a whole number. Such a value
    lies in the sealed part as well, where it keeps its bytes."""
    if isinstance(value, float):
        return (value == 0 and math.copysign(1, value) < 0) or (abs(value) >= EXPONENT_FROM and value.is_integer())
    if isinstance(value, list | dict):
        return any(map(_rewritten, value if isinstance(value, list) else value.values()))
    return False


def from_columns(keyring: Keyring, id: int, public: Mapping[str, Json], sealed: bytes, proof: bytes | None) -> Content:
    """A profile's content; without `proof` it has no provenance and no records."""
    rest = orjson.loads(keyring.open(sealed, "profiles", "sealed", id))
    traits = dict(sorted({**public, **rest["t"]}.items()))
    identifiers = [Identifier(namespace, value) for namespace, value in rest["i"]]
    if proof is None:
        return Content(traits, {}, identifiers, ())
    held = orjson.loads(keyring.open(proof, "profiles", "proof", id))
    proofs = {name: Proof(*said) for name, said in held["t"].items()}
    records = [(source_id, key) for source_id, key in held["r"]]
    return Content(traits, proofs, identifiers, records, frozenset(held["n"]))


def dump(content: Content) -> dict[str, Any]:
    """A content as plain JSON, for a version's body."""
    return {
        "t": dict(content.traits),
        "p": {name: [p.source_id, p.key, p.at, p.rule] for name, p in content.proofs.items()},
        "i": [[i.namespace, i.value] for i in content.identifiers],
        "r": [list(record) for record in content.records],
    }


def load(held: Mapping[str, Any]) -> Content:
    return Content(
        held["t"],
        {name: Proof(*said) for name, said in held["p"].items()},
        [Identifier(namespace, value) for namespace, value in held["i"]],
        [(source_id, key) for source_id, key in held["r"]],
    )
