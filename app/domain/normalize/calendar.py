"""Dates without a time, from text: year, month and day in any order that leaves one reading.

Nothing is guessed: 03/04/1990 needs the source's word (`day_first`), 03/04/90 its
`century_from` too. Where the calendar allows one reading only (13/04/1990), it is taken.
"""

import re
from datetime import date
from typing import Final, TypeAlias

from app.domain.normalize.months import AMBIGUOUS, ignored, months_in
from app.domain.normalize.result import Declarations, Unreadable
from app.identity.normalize.name import fold

YEARS: Final = range(1000, 9999)
"""Years outside are what systems write for `none` (0000-00-00, 0001-01-01, 9999-12-31)."""

Dated: TypeAlias = date | Unreadable

_ISO: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_BASIC: Final = re.compile(r"(\d{4})(\d{2})(\d{2})")
_WEEK: Final = re.compile(r"(\d{4})-?W(\d{2})-?(\d)")
_ORDINAL: Final = re.compile(r"(\d{4})-(\d{3})")
_YEAR_FIRST: Final = re.compile(r"(\d{4})\s*[-/.]\s*(\d{1,2})\s*[-/.]\s*(\d{1,2})\.?")
_CHINESE: Final = re.compile(r"(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일]?")
_YEAR_LAST: Final = re.compile(r"(\d{1,2})\s*([-/.])\s*(\d{1,2})\s*\2\s*(\d{4}|\d{2})\.?")
_PARTIAL: Final = re.compile(r"\d{4}|\d{4}-\d{2}|\d{4}-?W\d{2}|\d{1,2}/\d{4}")
_TOKEN: Final = re.compile(r"\d+|[^\W\d_]+")

NO_DATE: Final = Unreadable("date_syntax", "This is not a date.")
_IMPOSSIBLE: Final = Unreadable("impossible_date", "The calendar has no such day.")
_SENTINEL: Final = Unreadable("sentinel_date", "A year before 1000 or after 9998 stands for no date.")
_AMBIGUOUS: Final = Unreadable(
    "ambiguous_date", "Day and month could be either: the source does not declare its order."
)
_TWO_MONTHS: Final = Unreadable("ambiguous_date", "The month's name means two months: the source declares no locale.")
_CENTURY: Final = Unreadable("two_digit_year", "The year has two digits and the source declares no century.")
_PART: Final = Unreadable("partial_date", "A date has a year, a month and a day.")


def day(year: int, month: int, number: int) -> Dated:
    """The calendar's day, or why it has none."""
    if year not in YEARS:
        return _SENTINEL
    try:
        return date(year, month, number)
    except ValueError:
        return _IMPOSSIBLE


def read_date(text: str, declared: Declarations) -> Dated:
    """The one day that the text (trimmed, ASCII digits) can mean."""
    for shape in (_ISO, _BASIC, _YEAR_FIRST, _CHINESE):
        if found := shape.fullmatch(text):
            return day(int(found[1]), int(found[2]), int(found[3]))
    if found := _WEEK.fullmatch(text):
        return _week(int(found[1]), int(found[2]), int(found[3]))
    if found := _ORDINAL.fullmatch(text):
        return _ordinal(int(found[1]), int(found[2]))
    if found := _YEAR_LAST.fullmatch(text):
        return _numeric(int(found[1]), int(found[3]), found[4], declared)
    if _PARTIAL.fullmatch(text):
        return _PART
    return _in_words(text, declared)


def _week(year: int, week: int, weekday: int) -> Dated:
    if year not in YEARS:
        return _SENTINEL
    try:
        return checked(date.fromisocalendar(year, week, weekday))
    except ValueError:
        return _IMPOSSIBLE


def _ordinal(year: int, number: int) -> Dated:
    first = day(year, 1, 1)
    if isinstance(first, Unreadable):
        return first
    found = date.fromordinal(first.toordinal() + number - 1)
    return found if number > 0 and found.year == year else _IMPOSSIBLE


def checked(found: date) -> Dated:
    """The day, unless its year says that there is none."""
    return found if found.year in YEARS else _SENTINEL


def _numeric(first: int, second: int, year: str, declared: Declarations) -> Dated:
    full = _full_year(year, declared)
    if isinstance(full, Unreadable):
        return full
    european, american = day(full, second, first), day(full, first, second)
    if isinstance(european, Unreadable) or european == american:
        return american
    if isinstance(american, Unreadable):
        return european
    if declared.day_first is None:
        return _AMBIGUOUS
    return european if declared.day_first else american


def _full_year(digits: str, declared: Declarations) -> int | Unreadable:
    if len(digits) == 4:
        return int(digits)
    if declared.century_from is None or declared.century_from not in YEARS:
        return _CENTURY
    return declared.century_from + (int(digits) - declared.century_from) % 100


def _in_words(text: str, declared: Declarations) -> Dated:
    """`3 March 1990`, `March 3rd, 1990`, `den 3. mars 1990`, `1990 Mar 3`: one month word, a day and a year."""
    month, after_month = 0, 0
    numbers: list[str] = []
    words = months_in(declared.locale)
    for token in _TOKEN.findall(fold(text)):
        if token.isdigit():
            numbers.append(token)
        elif (named := words.get(token)) is not None:
            if month or named == AMBIGUOUS:
                return NO_DATE if month else _TWO_MONTHS
            month, after_month = named, len(numbers)
        elif token not in ignored():
            return NO_DATE
    if not month or not numbers:
        return NO_DATE
    if len(numbers) != 2:
        return _PART if len(numbers) == 1 else NO_DATE
    if len(numbers[0]) == 4:
        year, number = numbers
    elif after_month == 2:
        return NO_DATE
    else:
        number, year = numbers
    if len(number) > 2 or len(year) not in (2, 4):
        return NO_DATE
    full = _full_year(year, declared)
    return full if isinstance(full, Unreadable) else day(full, month, int(number))
