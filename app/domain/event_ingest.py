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
    wrong = value if isinstance(value, Fault) else _wrong(raw, value, around, max_bytes)
    if wrong is not None:
        arrival.rejected.append(_rejected(sender, raw, value, wrong, tail))
        return wrong
    name = _own_name(value) or _name_for(value)
    body = b'{"message":' + raw + tail
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


async def write(tx: Tx, arrivals: Sequence[Arrival], *, now: datetime, keyring: Keyring | None = None) -> None:
    """Write any number of arrivals of one workspace in one transaction.

    `keyring` is the transaction's own, where the senders' may be older: what was sealed under a key that a rotation has
    replaced since is sealed anew.
    """
    if not arrivals:
        return
    keyring = keyring or arrivals[0].sender.keyring
    for arrival in arrivals:
        if arrival.sender.keyring.active != keyring.active:
            arrival.messages = [ingest_log.resealed(arrival.sender.keyring, keyring, m) for m in arrival.messages]
    messages = [message for arrival in arrivals for message in arrival.messages]
    rejected = [each for arrival in arrivals for each in arrival.rejected]
    if messages:
        rejected += await _reused(tx, keyring, arrivals, await ingest_log.append(tx, messages))
    if rejected:
        await quarantine.set_aside(tx, keyring, await _news(tx, keyring, rejected), now=now)


async def _news(tx: Tx, keyring: Keyring, rejected: Sequence[Rejected]) -> list[Rejected]:
    """What was not set aside before with the same words: a retry is refused again, and kept once."""
    tokens = [each.message_token for each in rejected if each.message_token is not None]
    known = {(token, _canonical(words)) for token, words in await quarantine.held(tx, keyring, tokens)}
    found: list[Rejected] = []
    for each in rejected:
        place = (each.message_token or b"", _canonical(orjson.loads(each.body)["message"]))
        if place not in known:
            known.add(place)
            found.append(each)
    return found


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
        if _canonical(stored["message"]) != _canonical(orjson.loads(raw)):
            body = keyring.open(message.body, "ingest_log", "body", message.token)
            found.append(Rejected(message.source_id, "event", fault, body, message.token))
    return found


def _canonical(message: Json) -> bytes:
    """The words of an event, without what changes from one try to the next, members in one order."""
    if isinstance(message, dict):
        message = {name: value for name, value in message.items() if name not in CHANGES_ON_RETRY}
    return orjson.dumps(message, option=orjson.OPT_SORT_KEYS)


def _wrong(raw: bytes, value: Json, around: Mapping[str, Json], max_bytes: int) -> Fault | None:
    if len(raw) > max_bytes:
        return Fault("", "event_too_large", f"An event has at most {max_bytes} bytes.")
    context = around.get("context")
    if context is not None and not isinstance(context, dict):
        return Fault("/context", "not_an_object", "The context of a batch is a JSON object.")
    return tracking.fault(tracking.in_context(value, context) if context else value)


def _rejected(sender: Sender, raw: bytes, value: Json | Fault, wrong: Fault, tail: bytes) -> Rejected:
    """What is set aside, always JSON: the event word for word, or its text where it is none."""
    if isinstance(value, Fault):
        body = orjson.dumps({"message": raw.decode("utf-8", "backslashreplace")})
        name = None
    else:
        body = b'{"message":' + raw + tail
        name = _own_name(value)
    name = name or f"{ingest_log.OWN}refused:{raw.decode('utf-8', 'backslashreplace')}"
    return Rejected(sender.source_id, "event", wrong, body, ingest_log.message_token(sender.keyring, name))


def _own_name(value: Json) -> str | None:
    """The messageId that an event brings, as text."""
    said = value.get("messageId") if isinstance(value, dict) else None
    if isinstance(said, bool) or not isinstance(said, str | int):
        return None
    return str(said) or None


def _name_for(value: Json) -> str:
    """The id of an event that came without one. With a time of its own the words name it, so that a retry is a repeat;
    without, two equal events are two."""
    if isinstance(value, dict) and (value.get("timestamp") or value.get("originalTimestamp")):
        return f"{ingest_log.OWN}content:{_canonical(value).decode()}"
    return f"{ingest_log.OWN}none:{secrets.token_hex(16)}"
