"""Deliveries: what one log entry says about one source record, before anything is normalised.

A log entry's body is `{"message": <what the source sent, word for word>, ...}`
with what its request said beside it (`sent_at`, `context`). Two kinds:
an event of the Segment specification, or a record of a record ingest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any
from zoneinfo import ZoneInfo

from app.core.errors import Fault
from app.domain.claims import Json, Micros
from app.domain.sources import Source
from app.identity.identifier import Identifier

FUTURE_TOLERANCE = timedelta(minutes=5)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Kind(IntEnum):
    """What a log entry is."""

    EVENT = 0
    RECORD = 1


class EventType(IntEnum):
    """The calls of the Segment specification."""

    IDENTIFY = 1
    TRACK = 2
    PAGE = 3
    SCREEN = 4
    GROUP = 5
    ALIAS = 6


@dataclass(frozen=True, slots=True)
class Happening:
    """That something happened: the event that a delivery brings to its record."""

    type: EventType
    name: str | None
    at: Micros


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message's word about one record. Values are as sent; `identifiers` are (namespace, value) pairs.

    `key` is None for an event: it then belongs to the record of its strongest identifier in that source.
    `lists_all` says that `identifiers` are all that the record has, not additions. `ties` are identifiers of our own
    making that add to those known. `by_hand`: said about the record by somebody else than its source.
    """

    log_id: int
    source: Source
    key: str | None
    at: Micros
    traits: Mapping[str, Json] = field(default_factory=dict)
    identifiers: Sequence[tuple[str, Json]] = ()
    lists_all: bool = False
    deleted: bool = False
    event: Happening | None = None
    ties: Sequence[Identifier] = ()
    by_hand: bool = False


def micros(instant: datetime) -> Micros:
    return (instant - EPOCH) // _MICROSECOND


def instant(at: Micros) -> datetime:
    return EPOCH + timedelta(microseconds=at)


def read_time(raw: Json, zone: str | None) -> datetime | Fault:
    """An ISO 8601 instant in UTC. A time without an offset is read only where its source declares a zone."""
    if isinstance(raw, str):
        try:
            read = datetime.fromisoformat(raw)
            if read.tzinfo is None:
                if zone is None:
                    return Fault("", "naive_time", "This time has no UTC offset and its source declares no time zone.")
                read = read.replace(tzinfo=ZoneInfo(zone))
            return read.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    return Fault("", "bad_time", "A time is ISO 8601 with an offset, such as 2026-11-20T10:00:00Z.")


def clamp(at: datetime, received_at: datetime) -> datetime:
    """No claim is from the future: at most a little after it was received."""
    return min(at, received_at + FUTURE_TOLERANCE)


def from_record(log_id: int, source: Source, body: Mapping[str, Any], received_at: datetime) -> Delivery | Fault:
    """A record ingest's item `{key, traits, identifiers?, observed_at?, deleted?}`, checked when it was accepted.

    Beside the message, where no sender can write, an edit may say `by_hand` and the `ties` that it adds.
    """
    said = body["message"]
    at = received_at
    if said.get("observed_at") is not None:
        read = read_time(said["observed_at"], source.declared.zone)
        if isinstance(read, Fault):
            return Fault("/observed_at", read.code, read.detail)
        at = clamp(read, received_at)
    listed = said.get("identifiers")
    return Delivery(
        log_id,
        source,
        str(said["key"]),
        micros(at),
        said.get("traits") or {},
        [(each["namespace"], each["value"]) for each in listed or ()],
        lists_all=listed is not None,
        deleted=said.get("deleted") is True,
        ties=[Identifier(namespace, value) for namespace, value in body.get("ties", ())],
        by_hand=body.get("by_hand") is True,
    )
