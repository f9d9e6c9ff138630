"""Features: what is compared of a record, of ordinary and of hostile input."""

import json
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import given

from app.identity.matching.features import NOTHING, TRAITS, Features, dump, features, load
from tests.identity.matching.people import raw_records, records

NAUGHTY = Path(__file__).parents[4] / "shared" / "data" / "corpora" / "blns" / "blns.json"


@given(record=records)
def test_what_was_kept_is_read_back(record: Features) -> None:
    assert load(dump(record)) == record


@given(record=raw_records)
def test_columns_of_any_text_are_read_back(record: Features) -> None:
    assert load(dump(record)) == record


def test_a_column_that_is_gone_is_passed_over_and_one_that_is_new_is_empty() -> None:
    assert load(b'{"given":"ada","wealth":"9"}') == Features(given="ada")


def test_a_record_that_says_nothing_is_kept_as_nothing() -> None:
    assert features({}) == NOTHING
    assert dump(NOTHING) == b"{}"


def test_naughty_strings_never_stop_it() -> None:
    if not NAUGHTY.is_file():
        pytest.skip("The list of naughty strings is not beside the repository.")
    strings = [each for each in json.loads(NAUGHTY.read_text("utf-8")) if each.isprintable() or each.isspace() or each]
    names = sorted(TRAITS - {"~identifiers"})
    for start, string in enumerate(strings):
        alone = features(dict.fromkeys(names, string))
        mixed = features(dict(zip(names, cycle(strings[start:] + strings[:start]), strict=False)))
        nested = features({"address": {"street": string, "city": string, "zip": string}, "company": {"name": string}})
        for each in (alone, mixed, nested):
            assert load(dump(each)) == each


@pytest.mark.parametrize("odd", [None, 7, 1.5, True, [], ["x"], {}, {"street": 3}])
def test_a_value_that_is_no_text_says_nothing(odd: object) -> None:
    assert features(dict.fromkeys(TRAITS - {"~identifiers"}, odd)) == NOTHING


def test_a_name_is_taken_apart() -> None:
    said = features({"first_name": "Mary Ann", "last_name": "van der Berg Jr."})
    assert (said.given, said.middle, said.family, said.suffix) == ("mary", "ann", "van der berg", "jr")
    assert features({"first_name": "Morris III", "last_name": "Klein"}).suffix == "iii"
    whole = features({"name": "King, Ada Augusta"})
    assert (whole.given, whole.middle, whole.family) == ("ada", "augusta", "king")


@pytest.mark.parametrize("nobody", ["Mrs", "Unknown", "Baby", "lady of the house", "Dad"])
def test_a_placeholder_is_no_first_name(nobody: str) -> None:
    said = features({"first_name": nobody, "last_name": "Hyde"})
    assert (said.given, said.given_forms, said.family) == ("", (), "hyde")


def test_a_placeholder_is_no_family_name() -> None:
    assert features({"first_name": "Ada", "last_name": "No Name"}) == features({"first_name": "Ada"})


@pytest.mark.parametrize("day", ["2031-01-01", "1101-19-94", "24.5.1971"])
def test_a_birthday_that_cannot_be_is_none(day: str) -> None:
    assert features({"birthday": day}) == NOTHING


def test_an_address_that_carries_its_bearers_name_is_their_own() -> None:
    said = features({"first_name": "Ada", "last_name": "King", "email": "ada.k1953@example.com"})
    assert (said.own_local, said.plain_local, said.email_figures) == ("ada.k1953", "", "1953")
    plain = features({"last_name": "King", "email": "kinga@example.com"})
    assert (plain.own_local, plain.plain_local, plain.email_figures) == ("kinga", "kinga", "-")
    assert features({"first_name": "Ada", "email": "info@example.com"}).own_local == ""


def test_the_house_is_found_wherever_it_stands() -> None:
    for street in ("12 Main Street", "Suite 9, 12 Main St", "12 main street, Springfield"):
        assert (features({"street": street}).house, features({"street": street}).street_name) == ("12", "main")
    assert features({"address": {"street": "12 Main Street"}}) == features({"street": "12 Main Street"})
