"""Blocking: which records are compared at all."""

import pytest
from hypothesis import given

from app.identity.matching.blocking import blocking_keys
from app.identity.matching.features import NOTHING, Features, features
from tests.identity.matching.people import records


def meet(one: dict[str, str], other: dict[str, str]) -> bool:
    return not set(blocking_keys(features(one))).isdisjoint(blocking_keys(features(other)))


def test_a_record_that_says_nothing_meets_nobody() -> None:
    assert blocking_keys(NOTHING) == []


@given(record=records)
def test_given_and_family_name_may_change_places(record: Features) -> None:
    swapped = record._replace(
        given=record.family, given_sound=record.family_sound, family=record.given, family_sound=record.given_sound
    )
    if record.given and record.family:
        both = {key for key in blocking_keys(record) if key.startswith("names\0")}
        assert both
        assert both == {key for key in blocking_keys(swapped) if key.startswith("names\0")}


@given(record=records)
def test_keys_name_what_they_are_of(record: Features) -> None:
    keys = blocking_keys(record)
    assert all("\0" in key and not key.endswith("\0\0") for key in keys)
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"first_name": "Catherine", "last_name": "Meyer"}, {"first_name": "Kathryn", "last_name": "Maier"}),
        (
            {"last_name": "Hill", "birthday": "1971-05-24"},
            {"first_name": "Ada", "last_name": "Hill", "birthday": "1971-05-24"},
        ),
        ({"street": "12 Main Street"}, {"address": "12 main st."}),
        ({"phone": "+4930123456"}, {"phone": "030123456"}),
        ({"email": "ada.king@a.example"}, {"email": "ada.king@b.example"}),
    ],
)
def test_a_part_that_is_wrong_does_not_keep_two_apart(one: dict[str, str], other: dict[str, str]) -> None:
    assert meet(one, other)


def test_strangers_do_not_meet() -> None:
    one = {"first_name": "Ada", "last_name": "King", "birthday": "1971-05-24", "postal_code": "1000"}
    other = {"first_name": "Bob", "last_name": "Hill", "birthday": "1980-01-02", "postal_code": "2000"}
    assert not meet(one, other)
