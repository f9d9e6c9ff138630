"""Dates and instants: ISO 8601, from the many forms that sources send.

A date is `1990-03-03`; an instant is in UTC, `2026-11-20T10:00:00Z`, with its fraction
of a second (microseconds, trailing zeros dropped) where it has one. A day never
becomes an instant, for midnight would be a guess; an instant becomes a day only if it
is a midnight, which is how many systems write a day.

1900-01-01 and 1970-01-01 are kept: someone was born then. Years that stand for `none`
(0000, 0001, 9999) are unreadable.
"""

import re
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final, TypeAlias

from app.domain.normalize.calendar import NO_DATE, checked, read_date
from app.domain.normalize.clock import Clock, from_epoch, from_excel, instant, split_time, zone_named
from app.domain.normalize.result import EMPTY, Declarations, Json, Normal, Result, Unreadable

MAX_TEXT: Final = 120

_ISO_DATE: Final = re.compile(r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}")
_ISO_INSTANT: Final = re.compile(
    r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3}|\.[0-9]{6})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_COUNT: Final = re.compile(r"-?[0-9]{1,19}(?:\.[0-9]{1,9})?")
_BASIC_DATE: Final = re.compile(r"[1-9][0-9]{7}")

_Read: TypeAlias = tuple[date, Clock | None] | datetime | Unreadable
"""A day with perhaps a time of day, or an instant."""


def normal_date(raw: Json, declared: Declarations) -> Result:
    """The day in ISO 8601; `time_in_date` for an instant that is nowhere midnight."""
    if isinstance(raw, str) and _ISO_DATE.fullmatch(raw):
        return _day(raw)
    found = _read(raw, declared)
    if isinstance(found, Unreadable):
        return found
    if isinstance(found, datetime):
        return _midnight(found, declared)
    on, clock = found
    if clock is None or not clock.since_midnight:
        return Normal(on.isoformat())
    at = instant(on, clock, declared.zone)
    return at if isinstance(at, Unreadable) else _midnight(at, declared)


def normal_datetime(raw: Json, declared: Declarations) -> Result:
    """The instant in UTC, or the day where no time of day was given."""
    if isinstance(raw, str) and _ISO_INSTANT.fullmatch(raw) and (at := _plain_instant(raw)) is not None:
        return Normal(spelled(at))
    found = _read(raw, declared)
    if isinstance(found, Unreadable):
        return found
    if isinstance(found, datetime):
        return Normal(spelled(found))
    on, clock = found
    if clock is None:
        return Normal(on.isoformat())
    at_last = instant(on, clock, declared.zone)
    return at_last if isinstance(at_last, Unreadable) else Normal(spelled(at_last))


def is_instant(text: str) -> bool:
    """Whether the text is a whole ISO 8601 timestamp with its offset: the only text that is a time by its looks."""
    return _ISO_INSTANT.fullmatch(text) is not None and _plain_instant(text) is not None


def spelled(at: datetime) -> str:
    """An aware instant as it is stored: UTC, `Z`, no needless zeros."""
    text = at.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def _plain_instant(raw: str) -> datetime | None:
    """The common timestamp the short way; None sends it the long way (24:00, leap seconds, odd years)."""
    try:
        at = datetime.fromisoformat(raw).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if not isinstance(checked(at.date()), Unreadable) else None


def _day(raw: str) -> Result:
    found = read_date(raw, Declarations())
    return found if isinstance(found, Unreadable) else Normal(found.isoformat())


def _midnight(at: datetime, declared: Declarations) -> Result:
    """The day that begins at this instant, in UTC or in the source's own zone."""
    zones = [UTC, zone_named(declared.zone) if declared.zone else None]
    for zone in zones:
        if zone is not None and (wall := at.astimezone(zone)).time() == wall.min.time():
            return Normal(wall.date().isoformat())
    return Unreadable("time_in_date", "A day was asked for and the value is a time of day that is not midnight.")


def _read(raw: Json, declared: Declarations) -> _Read:
    match raw:
        case None:
            return EMPTY
        case bool():
            return NO_DATE
        case int():
            return _counted(Decimal(raw), declared) if abs(raw) < 10**19 else NO_DATE
        case float():
            return _counted(Decimal(repr(raw)), declared) if abs(raw) < 1e19 else NO_DATE
        case str():
            return _from_text(raw, declared)
        case _:
            return NO_DATE


def _counted(count: Decimal, declared: Declarations) -> _Read:
    if declared.excel_dates and 0 < count < 10_000_000:
        return from_excel(count)
    if count == count.to_integral_value() and _BASIC_DATE.fullmatch(text := str(int(count))):
        on = read_date(text, declared)
        return on if isinstance(on, Unreadable) else (on, None)
    return from_epoch(count)


def _from_text(raw: str, declared: Declarations) -> _Read:
    text = " ".join(_ascii(raw).split())
    if not text:
        return EMPTY
    if len(text) > MAX_TEXT:
        return NO_DATE
    if _COUNT.fullmatch(text) and not _BASIC_DATE.fullmatch(text) and (len(text) != 4 or declared.excel_dates):
        return _counted(Decimal(text), declared)
    parts = split_time(text)
    if isinstance(parts, Unreadable):
        return parts
    rest, clock = parts
    on = read_date(rest, declared)
    return on if isinstance(on, Unreadable) else (on, clock)


def _ascii(text: str) -> str:
    """Digits of every script and full-width signs in ASCII; letters as they are."""
    if text.isascii():
        return text
    plain = "".join(c if c.isascii() else str(unicodedata.decimal(c, c)) for c in text)
    return plain.translate({0x2212: "-", 0xFF0F: "/", 0xFF0D: "-", 0xFF1A: ":", 0x2010: "-", 0x2011: "-", 0x2013: "-"})
