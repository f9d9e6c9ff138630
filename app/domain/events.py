"""What happened to a person: the events of the records in a profile, newest first, in their sender's words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from app.core.crypto.keyring import Keyring
from app.core.sql import Queries, Tx
from app.domain import sources
from app.domain.claims import Json
from app.domain.deliveries import EventType
from app.domain.history import message_id, opened
from app.domain.profiles import name_of
from app.domain.sources import Source
from app.domain.tracking import event_name

MAX_PAGE = 100

Place: TypeAlias = tuple[datetime, int]
"""Where a page ends: the time of its last event, and its log id."""

_LAST: Place = (datetime(9999, 12, 31, tzinfo=UTC), 2**63 - 1)
_profiles = Queries("profiles")


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `properties` are a track, page or screen call's properties, an identify or group call's traits."""

    message_id: str | None
    type: str
    name: str | None
    occurred_at: datetime
    received_at: datetime
    source: str
    properties: Mapping[str, Json]


async def page(
    tx: Tx, keyring: Keyring, profile_id: int, *, before: Place | None = None, many: int = 50
) -> tuple[list[Event], Place | None]:
    """The events before `before`, newest first, and the place to go on from (None when these were the last).

    Events follow their records: those of a removed record are not here, those of a split-off one went with it.
    """
    many = min(many, MAX_PAGE)
    before_at, before_id = before or _LAST
    rows = await _profiles.rows(
        tx, "events_page", id=profile_id, before_at=before_at, before_id=before_id, many=many + 1
    )
    more, rows = len(rows) > many, rows[:many]
    if not rows:
        return [], None
    known = await sources.all_sources(tx)
    events = [_event(keyring, row, known) for row in rows]
    return events, (rows[-1]["occurred_at"], rows[-1]["log_id"]) if more else None


def _event(keyring: Keyring, row: Mapping[str, Any], known: Mapping[int, Source]) -> Event:
    said = opened(keyring, row)["message"]
    kind = EventType(row["type"])
    described = said.get("traits" if kind in (EventType.IDENTIFY, EventType.GROUP) else "properties")
    return Event(
        message_id(said),
        kind.name.lower(),
        event_name(said, kind),
        row["occurred_at"],
        row["received_at"],
        name_of(known, row["source_id"]),
        described if isinstance(described, dict) else {},
    )
