"""Golden profiles as they are read: traits with where they came from, identifiers, and the records behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.core.crypto.keyring import Keyring
from app.domain.claims import Json
from app.domain.deliveries import instant
from app.domain.golden import Content, from_columns
from app.domain.sources import Source
from app.identity.identifier import Identifier
from app.identity.policy import EDITED_RECORD


@dataclass(frozen=True, slots=True, order=True)
class RecordName:
    """A source record as outsiders know it: its source's name and its key there."""

    source: str
    key: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a golden value came from: the record, the time at which its source says it was true, and the rule."""

    source: str
    key: str
    observed_at: datetime
    rule: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A golden profile at one of its versions.

    `provenance` and `records` are empty where they were not asked for. `identifiers` holds none of our own.
    """

    id: int
    version: int
    created_at: datetime
    updated_at: datetime
    traits: Mapping[str, Json]
    identifiers: Sequence[Identifier]
    records: Sequence[RecordName] = ()
    provenance: Mapping[str, Provenance] = field(default_factory=dict)


def profile_of(keyring: Keyring, row: Mapping[str, Any], known: Mapping[int, Source]) -> Profile:
    """The profile in a row of `profiles`; one without `proof` has neither provenance nor records."""
    content = from_columns(keyring, row["id"], row["public"], row["sealed"], row["proof"])
    return of_content(row["id"], row["version"], row["created_at"], row["updated_at"], content, known)


def of_content(
    id: int, version: int, created_at: datetime, updated_at: datetime, content: Content, known: Mapping[int, Source]
) -> Profile:
    return Profile(
        id,
        version,
        created_at,
        updated_at,
        content.traits,
        visible(content.identifiers),
        names(content.records, known),
        {
            trait: Provenance(name_of(known, proof.source_id), proof.key, instant(proof.at), proof.rule)
            for trait, proof in content.proofs.items()
        },
    )


def visible(identifiers: Sequence[Identifier]) -> list[Identifier]:
    """The identifiers that sources sent: the tie between an edit and its record is our own affair."""
    return [held for held in identifiers if held.namespace != EDITED_RECORD]


def names(records: Sequence[tuple[int, str]], known: Mapping[int, Source]) -> list[RecordName]:
    """(source id, key) pairs as outsiders know them, sorted."""
    return sorted(RecordName(name_of(known, source_id), key) for source_id, key in records)


def name_of(known: Mapping[int, Source], source_id: int) -> str:
    """A source's name, or a number in its place should the source be gone."""
    source = known.get(source_id)
    return source.name if source is not None else f"source-{source_id}"
