"""Events on their way into the log: checked, named, sealed; a repeat is no news, a reused id is no repeat."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from app.core.crypto.keyring import Keyring
from app.core.errors import Fault
from app.core.sql import Tx
from app.domain import ingest_log, quarantine, tracking
from app.domain.claims import Json
from app.domain.deliveries import Kind
from app.domain.ingest_log import Message
from app.domain.quarantine import Rejected

# What a client may change between two tries of one and the same event.
CHANGES_ON_RETRY = ("sentAt", "writeKey", "_metadata", "receivedAt")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: a source of a workspace, with the workspace's keys."""

    workspace_id: int
    source_id: int
    keyring: Keyring


@dataclass(slots=True)
class Arrival:
    """The events of one request: what goes to the log, with its words, and what was refused."""

    sender: Sender
    received_at: datetime
    messages: list[Message] = field(default_factory=list)
    words: list[bytes] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


def take(
    arrival: Arrival, raw: bytes, value: Json | Fault, around: Mapping[str, Json], tail: bytes, *, max_bytes: int
) -> Fault | None:
    """Add one event to an arrival, to its log entries or to what it refuses; return what is wrong with it, if anything.

    `tail` is what the request says beside its events, as `around` has it: see `beside`.
    """
    sender = arrival.sender
    if isinstance(value, Fault):
        kept = orjson.dumps({"message": raw.decode("utf-8", "backslashreplace")})
        arrival.rejected.append(Rejected(sender.source_id, "event", value, kept))
        return value
    message_id = value.get("messageId") if isinstance(value, dict) else None
    body = b'{"message":' + raw + tail
    if (wrong := _wrong(raw, value, around, max_bytes)) is not None:
        token = ingest_log.message_token(sender.keyring, str(message_id)) if message_id else None
        arrival.rejected.append(Rejected(sender.source_id, "event", wrong, body, token))
        return wrong
    name = str(message_id) if message_id else _name_for(raw, value)
    arrival.messages.append(
        ingest_log.seal(sender.keyring, name, sender.source_id, Kind.EVENT, body, arrival.received_at)
    )
    arrival.words.append(raw)
    return None


def beside(outer: Mapping[str, Json]) -> bytes:
    """The end of a log body: the batch's sentAt and context, which belong to every event in it."""
    said = {"sent_at": outer.get("sentAt"), "context": outer.get("context")}
    known = {name: value for name, value in said.items() if value}
    return b"," + orjson.dumps(known)[1:] if known else b"}"


async def write(tx: Tx, arrivals: Sequence[Arrival], *, now: datetime) -> None:
    """Write any number of arrivals of one workspace in one transaction."""
    if not arrivals:
        return
    keyring = arrivals[0].sender.keyring
    messages = [message for arrival in arrivals for message in arrival.messages]
    rejected = [each for arrival in arrivals for each in arrival.rejected]
    if messages:
        rejected += await _reused(tx, keyring, arrivals, await ingest_log.append(tx, messages))
    await quarantine.set_aside(tx, keyring, rejected, now=now)


async def _reused(tx: Tx, keyring: Keyring, arrivals: Sequence[Arrival], fresh: Mapping[bytes, int]) -> list[Rejected]:
    """The events whose messageId the log holds with other words: never dropped in silence."""
    first: set[bytes] = set()
    again: list[tuple[Message, bytes]] = []
    for arrival in arrivals:
        for message, raw in zip(arrival.messages, arrival.words, strict=True):
            if message.token in fresh and message.token not in first:
                first.add(message.token)
            else:
                again.append((message, raw))
    if not again:
        return []
    held = await ingest_log.held(tx, [message.token for message, _ in again])
    fault = Fault("/messageId", "message_id_reused", "This messageId came before with other words; give each its own.")
    found: list[Rejected] = []
    for message, raw in again:
        stored = orjson.loads(keyring.open(held[message.token].body, "ingest_log", "body", message.token))
        if _words(stored["message"]) != _words(orjson.loads(raw)):
            body = keyring.open(message.body, "ingest_log", "body", message.token)
            found.append(Rejected(message.source_id, "event", fault, body, message.token))
    return found


def _words(message: Json) -> Json:
    if not isinstance(message, dict):
        return message
    return {name: value for name, value in message.items() if name not in CHANGES_ON_RETRY}


def _wrong(raw: bytes, value: Json, around: Mapping[str, Json], max_bytes: int) -> Fault | None:
    if len(raw) > max_bytes:
        return Fault("", "event_too_large", f"An event has at most {max_bytes} bytes.")
    if isinstance(value, dict) and around.get("context") and not value.get("context"):
        value = {**value, "context": around["context"]}
    return tracking.fault(value)


def _name_for(raw: bytes, value: Mapping[str, Json]) -> str:
    """The id of an event that came without one. With a time of its own the words name it, so that a retry is a repeat;
    without, two equal events are two."""
    if value.get("timestamp") or value.get("originalTimestamp"):
        words = orjson.dumps(_words(dict(value)), option=orjson.OPT_SORT_KEYS)
        return "content:" + words.decode()
    return "none:" + secrets.token_hex(16)
