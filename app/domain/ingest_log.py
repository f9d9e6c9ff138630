"""The ingest log: what each source said, word for word, sealed, once and for ever.

A message is deduplicated by a keyed hash of its id, without any window of
time. The answer to its sender waits for the commit of `append`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.core.crypto.keyring import Keyring
from app.core.sql import Queries, Tx, arrays
from app.domain.deliveries import Kind

MAX_APPEND = 10_000
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


def resealed(old: Keyring, new: Keyring, message: Message) -> Message:
    """The message sealed under the active key of `new`."""
    plain = old.open(message.body, "ingest_log", "body", message.token)
    return replace(message, body=new.seal(plain, "ingest_log", "body", message.token))


async def append(tx: Tx, messages: Sequence[Message]) -> dict[bytes, int]:
    """Append what is new and let it wait for the pipeline; return token to log id of what was new."""
    assert len(messages) <= MAX_APPEND, len(messages)
    ordered = sorted(messages, key=lambda m: m.token)
    rows = [(m.token, m.source_id, int(m.kind), m.received_at, m.body) for m in ordered]
    new = await _log.rows(tx, "append", **arrays(rows, "tokens source_ids kinds received_ats bodies"))
    return {row["message_token"]: row["id"] for row in new}


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
