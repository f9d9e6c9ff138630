"""The ingest log: what each source said, word for word, sealed, once and for ever.

A message is deduplicated by a keyed hash of its id, without any window of
time. The answer to its sender waits for the commit of `append`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from struct import pack
from typing import Any

import asyncpg

from app.core.crypto.keyring import Keyring, key_id_of
from app.core.sql import Queries, Tx
from app.domain.deliveries import Kind

MAX_APPEND = 10_000
MANY = 200
"""From here on it pays to expect that all messages are new: a savepoint costs 100 us, the doubt 1.4 us a message."""

MAX_SAMPLES = 64
OWN = "\0"
"""Begins the names that messages are given here; no text that a client can send has it, so none is taken for ours."""

_log = Queries("ingest_log")


@dataclass(frozen=True, slots=True)
class Message:
    """A message ready for the log: its token, and its sealed body."""

    token: bytes
    source_id: int
    kind: Kind
    received_at: datetime
    body: bytes


@dataclass(slots=True)
class Parcel:
    """Messages of one source and one kind that arrived at one moment, ready for the log: `bodies[i]` is sealed under
    `tokens[i]`."""

    source_id: int
    kind: Kind
    received_at: datetime
    tokens: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Held:
    """A message the log holds already."""

    log_id: int
    source_id: int
    body: bytes


def message_token(keyring: Keyring, message_id: str) -> bytes:
    """The keyed hash under which a message is found and deduplicated."""
    return keyring.token("message", message_id)


def seal(keyring: Keyring, message_id: str, source_id: int, kind: Kind, body: bytes, received_at: datetime) -> Message:
    """Make a message of a body `{"message": ..., ...}` as deliveries.py reads it."""
    token = message_token(keyring, message_id)
    return Message(token, source_id, kind, received_at, keyring.seal(body, "ingest_log", "body", token))


def sealed(keyring: Keyring, tokens: Sequence[bytes], bodies: Sequence[bytes]) -> list[bytes]:
    """Bodies as the log holds them, `bodies[i]` under `tokens[i]`."""
    return keyring.seal_all(bodies, "ingest_log", "body", tokens)


def opened(keyring: Keyring, token: bytes, body: bytes) -> bytes:
    """What `sealed` sealed."""
    return keyring.open(body, "ingest_log", "body", token)


def resealed(old: Keyring, new: Keyring, token: bytes, body: bytes) -> bytes:
    """The body under the active key of `new`. Twice is as good as once."""
    if key_id_of(body) == new.active:
        return body
    return new.seal(opened(old, token, body), "ingest_log", "body", token)


async def append(tx: Tx, messages: Sequence[Message]) -> dict[bytes, int]:
    """Append what is new and let it wait for the pipeline; return token to log id of what was new."""
    return await append_parcels(tx, [Parcel(m.source_id, m.kind, m.received_at, [m.token], [m.body]) for m in messages])


async def append_parcels(tx: Tx, parcels: Sequence[Parcel]) -> dict[bytes, int]:
    """Append what is new of all parcels, as `append` does. A message that comes twice is appended once."""
    tokens = [token for parcel in parcels for token in parcel.tokens]
    assert len(tokens) <= MAX_APPEND, len(tokens)
    if not tokens:
        return {}
    bodies = [body for parcel in parcels for body in parcel.bodies]
    numbers = [number for number, parcel in enumerate(parcels) for _ in parcel.tokens]
    order = sorted(range(len(tokens)), key=tokens.__getitem__)
    rows = {
        "tokens": b"".join([tokens[at] for at in order]),
        "bodies": [bodies[at] for at in order],
        "parcels": pack(f">{len(order)}H", *[numbers[at] for at in order]),
        "source_ids": [parcel.source_id for parcel in parcels],
        "kinds": [int(parcel.kind) for parcel in parcels],
        "received_ats": [parcel.received_at for parcel in parcels],
        "many": len(tokens),
    }
    new = None
    if len(tokens) >= MANY and len(set(tokens)) == len(tokens):
        # What was sent before mostly comes again as the whole request that it was.
        new = await _append_unseen(tx, rows, [p.tokens[0] for p in parcels if p.tokens][:MAX_SAMPLES])
    new = new or await _log.row(tx, "append", **rows)
    assert new is not None, "what has no FROM has a row"
    ids = sorted(new["ids"] or ())
    fresh = [tokens[at] for at in order] if len(ids) == len(order) else new["tokens"] or ()
    return dict(zip(fresh, ids, strict=True))


async def _append_unseen(tx: Tx, rows: dict[str, Any], samples: Sequence[bytes]) -> asyncpg.Record | None:
    """Append messages that nobody seems to have sent before; None, and nothing appended, when somebody has."""
    await tx.conn.execute("SAVEPOINT unseen")
    try:
        new = await _log.row(tx, "append_unseen", **rows, samples=samples)
    except asyncpg.UniqueViolationError:
        await tx.conn.execute("ROLLBACK TO SAVEPOINT unseen")
        return None
    return new if new is not None and new["ids"] is not None else None


async def held(tx: Tx, tokens: Sequence[bytes]) -> dict[bytes, Held]:
    """The log's own entries for these tokens."""
    rows = await _log.rows(tx, "held", tokens=list(tokens))
    return {row["message_token"]: Held(row["id"], row["source_id"], row["body"]) for row in rows}


async def depth(tx: Tx, *, cap: int) -> int:
    """How many messages wait in this workspace, counted no further than `cap`."""
    waiting: int = await _log.value(tx, "depth", cap=cap)
    return waiting


async def unsettled(tx: Tx, log_ids: Sequence[int]) -> int:
    """How many of these messages wait still."""
    waiting: int = await _log.value(tx, "unsettled", log_ids=list(log_ids))
    return waiting
