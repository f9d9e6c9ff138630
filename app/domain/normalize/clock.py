"""Times of day and their offsets, split off the text of a date; and numbers that count time."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.domain.normalize.calendar import YEARS
from app.domain.normalize.result import Unreadable

_TIME: Final = re.compile(
    r"(?:(?<=\d)T|(?<=\d)t|(?:^|[\s,]+|(?<=[日일]))(?:at\s+|um\s+|à\s+)?)"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?"
    r"(?:\s*(?P<zone>Z|z|(?:UTC|GMT|UT)?[+-]\d{1,2}(?::?\d{2})?|UTC|GMT|UT|[ECMP][SD]T|CET|CEST))?(?![\w:])"
)
# Basic form after a basic or extended date: 20261120T100000Z
_BASIC: Final = re.compile(
    r"(?<=\d)[Tt](?P<hour>\d{2})(?P<minute>\d{2})?(?P<second>\d{2})?(?:(?<=\d{6})[.,](?P<fraction>\d{1,9}))?"
    r"(?P<zone>Z|z|[+-]\d{2}(?::?\d{2})?)?$"
)
# What JavaScript, Java and mail agents add after the offset: (CET), [Europe/Berlin]
_COMMENT: Final = re.compile(r"\s*(?:\([^()]*\)|\[[A-Za-z0-9_+\-/]+\])$")
_OFFSETS: Final = {
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "CET": 1,
    "CEST": 2,
}
"""RFC 5322 section 4.3 defines the American ones; other letters mean different things in different places."""

_NO_TIME: Final = Unreadable("time_syntax", "There is no such time of day.")
_NO_EPOCH: Final = Unreadable(
    "ambiguous_epoch", "The number may count seconds, thousandths or nothing: it is too short."
)
_SENTINEL: Final = Unreadable("sentinel_date", "A year before 1000 or after 9998 stands for no date.")
# digits of a count since 1970 to the unit it must be in: seconds from 1973, and so on
_EPOCHS: Final = {9: 0, 10: 0, 12: 3, 13: 3, 15: 6, 16: 6, 18: 9, 19: 9}
_EXCEL_DAYS: Final = range(1, 2_958_466)


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day: its length since midnight (24:00 and leap seconds included), its offset if it has one."""

    since_midnight: timedelta
    offset: timedelta | None


def split_time(text: str) -> tuple[str, Clock | None] | Unreadable:
    """The text without its time of day, and the time; None where there is none."""
    bare = _COMMENT.sub("", text)
    found = _BASIC.search(bare) or _TIME.search(bare)
    if found is None:
        return text, None
    clock = _clock(found.groupdict())
    if isinstance(clock, Unreadable):
        return clock
    rest = bare[: found.start()].strip(" ,") + " " + bare[found.end() :].strip(" ,")
    return rest.strip(), clock


def _clock(parts: dict[str, str | None]) -> Clock | Unreadable:
    hour, minute, second = (int(parts.get(part) or 0) for part in ("hour", "minute", "second"))
    if half := parts.get("half"):
        if not 1 <= hour <= 12:
            return _NO_TIME
        hour = hour % 12 + (12 if half in "Pp" else 0)
    micros = int((parts.get("fraction") or "0").ljust(6, "0")[:6])
    if minute > 59 or second > 60 or (hour > 23 and (hour, minute, second, micros) != (24, 0, 0, 0)):
        return _NO_TIME
    if second == 60 and minute != 59:
        return _NO_TIME
    offset = _offset(parts.get("zone"))
    if isinstance(offset, Unreadable):
        return offset
    return Clock(timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micros), offset)


def _offset(zone: str | None) -> timedelta | Unreadable | None:
    if not zone:
        return None
    name = zone.upper()
    if name in _OFFSETS:
        return timedelta(hours=_OFFSETS[name])
    digits = name.removeprefix("UTC").removeprefix("GMT").removeprefix("UT").removeprefix("Z").replace(":", "")
    if not digits:
        return timedelta()
    figures = digits[1:]
    hours, minutes = (int(figures[:-2]), int(figures[-2:])) if len(figures) > 2 else (int(figures), 0)
    if hours > 18 or minutes > 59:
        return _NO_TIME
    size = timedelta(hours=hours, minutes=minutes)
    return -size if digits[0] == "-" else size


def instant(on: date, clock: Clock, zone: str | None) -> datetime | Unreadable:
    """The instant in UTC. A wall time that happens twice is its first; one that is skipped moves on by the gap."""
    try:
        wall = datetime(on.year, on.month, on.day) + clock.since_midnight  # noqa: DTZ001 - the zone follows
        if clock.offset is not None:
            return _checked(wall.replace(tzinfo=timezone(clock.offset)))
        if zone is None:
            return Unreadable("naive_time", "The time has no offset from UTC and its source declares no time zone.")
        known = zone_named(zone)
        if known is None:
            return Unreadable("unknown_zone", "The time zone that the source declares is none of IANA's.")
        return _checked(wall.replace(tzinfo=known))
    except OverflowError:
        return _SENTINEL


def _checked(at: datetime) -> datetime | Unreadable:
    there = at.astimezone(UTC)
    return there if there.year in YEARS else _SENTINEL


@lru_cache(512)
def zone_named(name: str) -> ZoneInfo | None:
    """The zone's rules, or None for a name that has none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def from_epoch(count: Decimal) -> datetime | Unreadable:
    """The instant so many seconds, milli-, micro- or nanoseconds from 1970, told apart by the number's length.

    9 and 10 digits are seconds (1973 to 2286), 12 and 13 milliseconds, and so on. Other lengths fit two units.
    """
    unit = _EPOCHS.get(abs(count).adjusted() + 1) if count else None
    if unit is None:
        return _NO_EPOCH
    micros = int(count.scaleb(6 - unit))
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def from_excel(days: Decimal) -> tuple[date, Clock | None] | Unreadable:
    """Day and time of day of a serial number in Excel's 1900 system; day 60, 29 February 1900, never was."""
    whole = int(days)
    if whole not in _EXCEL_DAYS or whole == 60:
        return Unreadable("excel_date", "Excel counts days from 1 to 2958465, of which the 60th never was.")
    on = date(1899, 12, 31 if whole < 60 else 30) + timedelta(days=whole)
    since = timedelta(seconds=round((days - whole) * 86_400))
    return on, (Clock(since, None) if since else None)
