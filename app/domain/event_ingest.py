"""Events on their way into the log: checked, named, sealed; a repeat is no news, a reused id is no repeat."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from app.core.crypto.keyring import Keyring
from app.core.errors import Fault
from app.core.sql import Tx
from app.core.strictjson import Items
from app.domain import ingest_log, quarantine, tracking
from app.domain.claims import Json
from app.domain.deliveries import Kind
from app.domain.ingest_log import Parcel
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
    """The events of one request: what goes to the log, and what was refused."""

    sender: Sender
    received_at: datetime
    parcel: Parcel = field(init=False)
    rejected: list[Rejected] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.parcel = Parcel(self.sender.source_id, Kind.EVENT, self.received_at)

    @property
    def size(self) -> int:
        return len(self.parcel.tokens) + len(self.rejected)


def take(arrival: Arrival, items: Items, *, max_bytes: int) -> list[tuple[int, Fault]]:
    """Add the events of a request to its arrival, to its log entries or to what it refuses; return the indexes of
    those refused, and what is wrong with each."""
    keyring, around, tail = arrival.sender.keyring, items.outer, beside(items.outer)
    wrong: list[tuple[int, Fault]] = []
    tokens: list[bytes] = []
    bodies: list[bytes] = []
    for index, (raw, value) in enumerate(zip(items.raws, items.values, strict=True)):
        fault = value if isinstance(value, Fault) else _wrong(raw, value, around, max_bytes)
        if fault is not None:
            wrong.append((index, fault))
            arrival.rejected.append(_rejected(arrival.sender, raw, value, fault, tail))
            continue
        tokens.append(ingest_log.message_token(keyring, _own_name(value) or _name_for(value)))
        bodies.append(b'{"message":' + raw + tail)
    arrival.parcel.tokens += tokens
    arrival.parcel.bodies += ingest_log.sealed(keyring, tokens, bodies)
    return wrong


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
            _reseal(arrival, keyring)
    parcels = [arrival.parcel for arrival in arrivals if arrival.parcel.tokens]
    rejected = [each for arrival in arrivals for each in arrival.rejected]
    if parcels:
        fresh = await ingest_log.append_parcels(tx, parcels)
        if len(fresh) < sum(len(parcel.tokens) for parcel in parcels):
            rejected += await _reused(tx, keyring, parcels, fresh)
    if rejected:
        await quarantine.set_aside(tx, keyring, await _news(tx, keyring, rejected), now=now)


def _reseal(arrival: Arrival, keyring: Keyring) -> None:
    own, parcel = arrival.sender.keyring, arrival.parcel
    sealed = zip(parcel.tokens, parcel.bodies, strict=True)
    parcel.bodies = [ingest_log.resealed(own, keyring, token, body) for token, body in sealed]


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


async def _reused(tx: Tx, keyring: Keyring, parcels: Sequence[Parcel], fresh: Mapping[bytes, int]) -> list[Rejected]:
    """The events whose messageId the log holds with other words: never dropped in silence."""
    first: set[bytes] = set()
    again: list[tuple[int, bytes, bytes]] = []
    for parcel in parcels:
        for token, body in zip(parcel.tokens, parcel.bodies, strict=True):
            if token in fresh and token not in first:
                first.add(token)
            else:
                again.append((parcel.source_id, token, body))
    held = await ingest_log.held(tx, [token for _, token, _ in again])
    fault = Fault("/messageId", "message_id_reused", "This messageId came before with other words; give each its own.")
    found: list[Rejected] = []
    for source_id, token, sealed in again:
        stored = orjson.loads(ingest_log.opened(keyring, token, held[token].body))
        body = ingest_log.opened(keyring, token, sealed)
        if _canonical(stored["message"]) != _canonical(orjson.loads(body)["message"]):
            found.append(Rejected(source_id, "event", fault, body, token))
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
