"""Dates and instants: every form with one reading is read, every other is not."""

from datetime import UTC, date, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from babel.dates import format_date
from hypothesis import given
from hypothesis import strategies as st

from app.domain.normalize import Declarations, Json, Normal, Unreadable, normalize
from app.domain.normalize.calendar import YEARS

NOTHING = Declarations()
GERMAN = Declarations(zone="Europe/Berlin", day_first=True, locale="de", century_from=1930)


def code(type: str, raw: Json, declared: Declarations = NOTHING) -> str:
    read = normalize(type, raw, declared)
    assert isinstance(read, Unreadable), read
    return read.code


@pytest.mark.parametrize(
    "raw",
    [
        "1990-03-03", " 1990-03-03 ", "19900303", 19900303, "1990-W09-6", "1990W096", "1990-062", "1990/3/3",
        "1990.03.03",
        "3 Mar 1990", "March 3rd, 1990", "Sat, 03 Mar 1990", "3. März 1990", "3. Maerz 1990", "le 3 mars 1990",
        "3 de marzo de 1990", "3 marzo 1990", "3 maart 1990", "3 de março de 1990", "3 marca 1990", "den 3 mars 1990",
        "3. marts 1990", "lördag 3 mars 1990", "MARCH 3 1990", "1990 March 3", "3-Mar-1990", "03/03/1990", "3.3.1990",
        "1990年3月3日", "１９９０-０３-０３", "١٩٩٠-٠٣-٠٣", "3 марта 1990 г.", "1990-03-03T00:00:00Z",
        "1990-03-03T00:00:00+05:00", "1990-03-03 00:00", 636422400, "636422400", 636422400000,
    ],
)  # fmt: skip
def test_every_way_to_write_a_day_is_one_day(raw: Json) -> None:
    assert normalize("date", raw, NOTHING) == Normal("1990-03-03")


@pytest.mark.parametrize("locale", ["en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "nb", "fi", "cs", "ru"])
@given(on=st.dates(date(1000, 1, 1), date(9998, 12, 31)), length=st.sampled_from(["long", "full"]))
def test_what_a_language_writes_out_is_read_back(locale: str, on: date, length: str) -> None:
    read = normalize("date", format_date(on, length, locale), Declarations(locale=locale))
    assert read == Normal(on.isoformat())


@given(st.dates(date(1000, 1, 1), date(9998, 12, 31)))
def test_every_iso_form_of_a_day_is_read_back(on: date) -> None:
    year, week, weekday = on.isocalendar()
    forms = [on.isoformat(), on.strftime("%Y%m%d"), on.strftime("%Y-%j")]
    if year in YEARS:
        forms += [f"{year:04}-W{week:02}-{weekday}", f"{year:04}W{week:02}{weekday}"]
    assert {str(normalize("date", form, NOTHING)) for form in forms} == {str(Normal(on.isoformat()))}


def test_an_ambiguous_day_is_read_only_by_the_sources_declaration() -> None:
    assert code("date", "03/04/1990") == "ambiguous_date"
    assert code("date", "03.04.1990") == "ambiguous_date"
    assert normalize("date", "03/04/1990", Declarations(day_first=True)) == Normal("1990-04-03")
    assert normalize("date", "03/04/1990", Declarations(day_first=False)) == Normal("1990-03-04")


@pytest.mark.parametrize("day_first", [None, True, False])
def test_a_day_with_one_reading_needs_no_declaration(day_first: bool | None) -> None:
    assert normalize("date", "13/04/1990", Declarations(day_first=day_first)) == Normal("1990-04-13")
    assert normalize("date", "04-13-1990", Declarations(day_first=day_first)) == Normal("1990-04-13")


def test_a_two_digit_year_needs_its_century() -> None:
    assert code("date", "13/04/90") == "two_digit_year"
    assert code("date", "3 Mar 90") == "two_digit_year"
    assert normalize("date", "13.04.90", GERMAN) == Normal("1990-04-13")
    assert normalize("date", "13.04.29", GERMAN) == Normal("2029-04-13")
    assert normalize("date", "13.04.30", GERMAN) == Normal("1930-04-13")


def test_a_month_word_with_two_meanings_needs_its_language() -> None:
    assert code("date", "3 listopada 1990") == "ambiguous_date"
    assert normalize("date", "3 listopada 1990", Declarations(locale="pl")) == Normal("1990-11-03")
    assert normalize("date", "3. listopada 1990.", Declarations(locale="hr-HR")) == Normal("1990-10-03")


def test_excel_counts_days_only_where_that_is_declared() -> None:
    excel = Declarations(excel_dates=True, zone="UTC")
    assert code("date", 32935) == "ambiguous_epoch"
    assert normalize("date", 32935, excel) == Normal("1990-03-03")
    assert normalize("date", "32935", excel) == Normal("1990-03-03")
    assert normalize("datetime", 32935.75, excel) == Normal("1990-03-03T18:00:00Z")
    assert normalize("date", 1, excel) == Normal("1900-01-01")
    assert normalize("date", 59, excel) == Normal("1900-02-28")
    assert normalize("date", 61, excel) == Normal("1900-03-01")
    assert code("date", 60, excel) == "excel_date"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("", "empty"), ("  ", "empty"), (None, "empty"), ("soon", "date_syntax"), ([], "date_syntax"),
        (True, "date_syntax"),
        ("1990-02-30", "impossible_date"), ("1990-13-40", "impossible_date"), ("31/11/1990", "impossible_date"),
        ("1990-366", "impossible_date"), ("1990-W53-1", "impossible_date"), ("0000-00-00", "sentinel_date"),
        ("0001-01-01", "sentinel_date"), ("9999-12-31", "sentinel_date"), ("1990", "partial_date"),
        ("1990-03", "partial_date"),
        ("March 1990", "partial_date"), ("1990-W10", "partial_date"), (5, "ambiguous_epoch"),
        ("86400000", "impossible_date"),
        (-62135596800, "ambiguous_epoch"), ("March April 1990", "date_syntax"), ("3 Mar 1990 6", "date_syntax"),
        ("1990-03-03T12:00:00Z", "time_in_date"), ("March 3 lunch 1990", "date_syntax"), (float("inf"), "date_syntax"),
    ],
)  # fmt: skip
def test_what_is_no_day_says_why(raw: Json, why: str) -> None:
    assert code("date", raw) == why


def test_days_on_which_computers_begin_are_someones_birthday() -> None:
    assert normalize("date", "1900-01-01", NOTHING) == Normal("1900-01-01")
    assert normalize("date", "1970-01-01", NOTHING) == Normal("1970-01-01")


def test_midnight_where_the_source_lives_is_a_day() -> None:
    assert code("date", "1990-03-02T23:00:00Z") == "time_in_date"
    assert normalize("date", "1990-03-02T23:00:00Z", GERMAN) == Normal("1990-03-03")


@pytest.mark.parametrize(
    "raw",
    [
        "2026-11-20T10:00:00Z", "2026-11-20T11:00:00+01:00", "2026-11-20 10:00:00Z", "20261120T100000Z",
        "20261120T1000Z",
        "2026-11-20T10Z", "2026-W47-5T10:00Z", "2026-324T10:00:00Z", "2026-11-20T10:00:00.000Z",
        "2026-11-20t10:00:00z",
        "Fri, 20 Nov 2026 11:00:00 +0100", "20 Nov 2026 10:00 GMT", "Fri, 20 Nov 2026 05:00:00 EST",
        "Fri Nov 20 2026 11:00:00 GMT+0100 (Central European Standard Time)",
        "2026-11-20T11:00:00+01:00[Europe/Berlin]",
        "November 20, 2026, 10:00 AM UTC", "11/20/2026 10:00:00 am UTC", "20.11.2026 11:00 CET",
        "20. November 2026 um 10:00 UTC",
        1795168800, "1795168800", 1795168800000, "1795168800000",
        1795168800000000, 1795168800.0, "2026-11-20T10:00:00,0Z",
    ],
)  # fmt: skip
def test_every_way_to_write_an_instant_is_one_instant(raw: Json) -> None:
    assert normalize("datetime", raw, NOTHING) == Normal("2026-11-20T10:00:00Z")


@given(
    st.datetimes(datetime(1001, 1, 1), datetime(9998, 1, 1)),  # noqa: DTZ001 - hypothesis wants naive bounds
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_an_aware_time_is_one_instant_in_utc(wall: datetime, offset: timezone) -> None:
    at = wall.replace(tzinfo=offset)
    read = normalize("datetime", at.isoformat(), NOTHING)
    assert isinstance(read, Normal)
    assert datetime.fromisoformat(read.value) == at
    seconds = at.replace(microsecond=0)
    assert normalize("datetime", format_datetime(seconds), NOTHING) == normalize(
        "datetime", seconds.isoformat(), NOTHING
    )


@pytest.mark.parametrize(
    ("raw", "time"), [("12:30 AM", "00:30"), ("1:30 am", "01:30"), ("12:30 PM", "12:30"), ("11:30 p.m.", "23:30")]
)
def test_noon_and_midnight_are_told_apart(raw: str, time: str) -> None:
    assert normalize("datetime", f"20 Nov 2026 {raw} UTC", NOTHING) == Normal(f"2026-11-20T{time}:00Z")


def test_fractions_of_a_second_are_kept_to_the_microsecond() -> None:
    assert normalize("datetime", "2026-11-20T10:00:00.120Z", NOTHING) == Normal("2026-11-20T10:00:00.12Z")
    assert normalize("datetime", "2026-11-20T10:00:00.123456789Z", NOTHING) == Normal("2026-11-20T10:00:00.123456Z")
    assert normalize("datetime", 1795168800123, NOTHING) == Normal("2026-11-20T10:00:00.123Z")


def test_a_day_never_becomes_an_instant() -> None:
    assert normalize("datetime", "20.11.2026", NOTHING) == Normal("2026-11-20")


def test_a_wall_time_needs_a_zone() -> None:
    assert code("datetime", "2026-11-20 10:00") == "naive_time"
    assert code("datetime", "2026-11-20 10:00", Declarations(zone="No/Where")) == "unknown_zone"
    assert normalize("datetime", "2026-11-20 10:00", GERMAN) == Normal("2026-11-20T09:00:00Z")


def test_hours_that_the_clock_skips_or_repeats_are_read_alike_every_time() -> None:
    assert normalize("datetime", "2026-03-29T02:30:00", GERMAN) == Normal("2026-03-29T01:30:00Z")
    assert normalize("datetime", "2026-10-25T02:30:00", GERMAN) == Normal("2026-10-25T00:30:00Z")


def test_the_end_of_a_day_and_a_leap_second_are_the_next_moment() -> None:
    assert normalize("datetime", "2026-11-20T24:00:00Z", NOTHING) == Normal("2026-11-21T00:00:00Z")
    assert normalize("datetime", "2016-12-31T23:59:60Z", NOTHING) == Normal("2017-01-01T00:00:00Z")


@pytest.mark.parametrize(
    "raw", ["2026-11-20T25:00:00Z", "2026-11-20T10:61:00Z", "20.11.2026 13:00 PM", "2026-11-20 24:01"]
)
def test_there_is_no_such_time_of_day(raw: str) -> None:
    assert code("datetime", raw) == "time_syntax"


@given(st.integers(10**8, 10**10 - 1))
def test_seconds_and_their_thousandths_are_told_apart_by_length(seconds: int) -> None:
    expected = Normal(datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat() + "Z")
    assert normalize("datetime", seconds, NOTHING) == expected
    assert normalize("datetime", seconds * 1000, NOTHING) == expected
    assert normalize("datetime", str(seconds * 1_000_000), NOTHING) == expected
