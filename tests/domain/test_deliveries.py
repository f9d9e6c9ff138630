"""What a record delivery says, and when it was true."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Fault
from app.domain.deliveries import FUTURE_TOLERANCE, Delivery, clamp, from_record, instant, micros, read_time
from app.domain.normalize import Declarations
from app.domain.sources import Source

SOURCE = Source(1, "crm")
BERLIN = Source(2, "shop", declared=Declarations(zone="Europe/Berlin"))
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def delivered(said: dict[str, Any], source: Source = SOURCE) -> Delivery | Fault:
    return from_record(1, source, {"message": {"key": "1", **said}}, NOW)


def at(said: str, source: Source = SOURCE) -> datetime:
    read = delivered({"observed_at": said}, source)
    assert isinstance(read, Delivery)
    return instant(read.at)


@given(st.datetimes(timezones=offsets).filter(lambda moment: 1 < moment.year < 9999))
def test_an_instant_survives_as_microseconds(moment: datetime) -> None:
    assert instant(micros(moment)) == moment
    assert read_time(moment.isoformat(), None) == moment


@given(st.text() | st.none() | st.integers() | st.floats() | st.lists(st.text()))
def test_whatever_stands_for_a_time_is_read_or_refused(raw: Any) -> None:
    assert isinstance(read_time(raw, None), datetime | Fault)
    assert isinstance(read_time(raw, "Europe/Berlin"), datetime | Fault)


@pytest.mark.parametrize("raw", ["yesterday", "2026-13-01T00:00:00Z", "", 20260301, None, "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_refused(raw: Any) -> None:
    read = read_time(raw, None)
    assert isinstance(read, Fault)
    assert read.code == "bad_time"


def test_a_time_without_an_offset_needs_a_source_that_declares_a_zone() -> None:
    assert delivered({"observed_at": "2026-02-01T10:00:00"}) == Fault(
        "/observed_at", "naive_time", "This time has no UTC offset and its source declares no time zone."
    )
    assert at("2026-02-01T10:00:00", BERLIN) == datetime(2026, 2, 1, 9, tzinfo=UTC)
    assert at("2025-07-01T10:00:00", BERLIN) == datetime(2025, 7, 1, 8, tzinfo=UTC)
    assert at("2026-02-01T10:00:00+00:00", BERLIN) == datetime(2026, 2, 1, 10, tzinfo=UTC)


def test_without_a_time_the_receipt_counts() -> None:
    read = delivered({})
    assert isinstance(read, Delivery)
    assert instant(read.at) == NOW


@given(st.datetimes(timezones=st.just(UTC)))
def test_no_claim_is_from_the_future(moment: datetime) -> None:
    assert clamp(moment, NOW) == min(moment, NOW + FUTURE_TOLERANCE)
    assert at(moment.isoformat()) <= NOW + FUTURE_TOLERANCE


def test_a_list_of_identifiers_is_all_of_them_and_no_list_says_nothing() -> None:
    listed = delivered({"identifiers": [{"namespace": "user_id", "value": "7"}]})
    silent = delivered({"traits": {"plan": "pro"}})
    assert isinstance(listed, Delivery)
    assert isinstance(silent, Delivery)
    assert (listed.lists_all, listed.identifiers) == (True, [("user_id", "7")])
    assert (silent.lists_all, silent.identifiers) == (False, [])


def test_only_true_deletes() -> None:
    said = [delivered({"deleted": value}) for value in (True, False, None)]
    assert [isinstance(each, Delivery) and each.deleted for each in said] == [True, False, False]
