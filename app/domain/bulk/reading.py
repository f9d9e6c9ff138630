"""The first stage: every live record of one moment, with what links it and what it is compared by, into the engine.

Tables: `records` (where each is now), `identifiers` (keyed hashes of those that may link under the given policy),
`keys` (keyed hashes of blocking keys) and `features` (what is compared, in the clear: the engine writes no file).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from struct import Struct
from typing import Any, Final

import pyarrow as pa

from app.core.crypto.keyring import Keyring
from app.core.sql import Queries, Tx
from app.domain.bulk.engine import Engine, table
from app.domain.bulk.rules import Rules
from app.domain.bulk.scoring import LISTS
from app.domain.claims import RecordState
from app.domain.pipeline.region import usable
from app.domain.tokens import token
from app.identity.matching.features import Features

PAGE: Final = 1_000

Told = Callable[[str, int, int | None], None]
"""Told which stage is at work, how much of it is done, and of how much."""

RECORDS: Final = {"id": pa.int64(), "profile": pa.int64(), "component": pa.int64(), "founds": pa.bool_()}
IDENTIFIERS: Final = {"hi": pa.uint64(), "lo": pa.uint64(), "id": pa.int64(), "namespace": pa.string()}
KEYS: Final = {"hi": pa.uint64(), "lo": pa.uint64(), "id": pa.int64()}
FEATURES: Final = {
    "id": pa.int64(),
    **{name: pa.list_(pa.string()) if name in LISTS else pa.string() for name in Features._fields},
}

_bulk = Queries("bulk")
_halves = Struct(">QQ")


def halves(token: bytes) -> tuple[int, int]:
    """A token as two numbers, which compare faster than bytes."""
    hi, lo = _halves.unpack(token)
    return hi, lo


def whole(hi: int, lo: int) -> bytes:
    """The token again."""
    return _halves.pack(hi, lo)


@dataclass(slots=True)
class Page:
    """What some records come to, as rows of the engine's tables; `said` is all of it that scores depend on."""

    records: list[tuple[Any, ...]] = field(default_factory=list)
    identifiers: list[tuple[Any, ...]] = field(default_factory=list)
    keys: list[tuple[int, int, int]] = field(default_factory=list)
    features: list[tuple[Any, ...]] = field(default_factory=list)
    said: list[bytes] = field(default_factory=list)


async def read(tx: Tx, keyring: Keyring, rules: Rules, engine: Engine, told: Told, total: int) -> bytes:
    """Fill in the tables; return a digest of everything that scores depend on but the model.

    Records whose identifiers the circuit breaker withholds count with all of them, as they do when rules change.
    """
    digest, position, done = blake2b(digest_size=16), 0, 0
    await asyncio.to_thread(_insert, engine, Page())
    while rows := await _bulk.rows(tx, "snapshot_live", position=position, many=PAGE):
        page = await asyncio.to_thread(_read, rows, keyring, rules)
        await asyncio.to_thread(_insert, engine, page)
        for said in page.said:
            digest.update(said)
        position = rows[-1]["id"]
        done += len(rows)
        told("Reading", done, total)
    return digest.digest()


def _read(rows: Sequence[Mapping[str, Any]], keyring: Keyring, rules: Rules) -> Page:
    page = Page()
    for row in rows:
        id, source = row["id"], rules.sources[row["source_id"]]
        state = RecordState.load(keyring.open(row["state"], "source_records", "state", id))
        state.withheld = frozenset()
        identifiers = usable(state, rules.policy)
        page.records.append((id, row["profile_id"], row["component_id"], source.founds))
        page.identifiers += [(*halves(token(keyring, held)), id, held.namespace) for held in identifiers]
        if (matcher := rules.matcher) is not None:
            features: Features = matcher.features(matcher.compared(state, identifiers))
            keys = sorted({keyring.token("match_key", key) for key in matcher.keys(features)})
            page.keys += [(*halves(key), id) for key in keys]
            page.features.append((id, *features))
            page.said += [b"%d " % id, matcher.dump(features), *keys]
    return page


def _insert(engine: Engine, page: Page) -> None:
    engine.insert("records", table(RECORDS, page.records))
    engine.insert("identifiers", table(IDENTIFIERS, page.identifiers))
    engine.insert("keys", table(KEYS, page.keys))
    engine.insert("features", table(FEATURES, page.features))
