"""Public ids: one text for one row of one workspace, and no surprise from any other text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.ids import MAX_ID, MAX_LENGTH, MAX_PAIR_LENGTH, MIN_LENGTH, PublicIds

numbers = st.integers(0, MAX_ID) | st.sampled_from([0, 1, 2**31, 2**53, MAX_ID - 1, MAX_ID])
OURS, THEIRS = PublicIds("workspace one"), PublicIds("workspace two")
ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890"


@given(numbers)
def test_an_id_comes_back(number: int) -> None:
    text = OURS.encode(number)
    assert OURS.decode(text) == number
    assert MIN_LENGTH <= len(text) <= 13 < MAX_LENGTH
    assert text.isascii()
    assert text.isalnum()


@given(numbers)
def test_another_workspace_gives_the_same_row_another_id(number: int) -> None:
    assert OURS.encode(number) != THEIRS.encode(number)


@given(st.text(st.characters(exclude_categories=()), max_size=40) | st.text(ALPHABET, min_size=8, max_size=26))
def test_any_text_is_a_row_or_nothing_and_never_an_error(text: str) -> None:
    number = OURS.decode(text)
    assert number is None or OURS.encode(number) == text


@given(numbers, st.data())
def test_an_id_has_one_spelling(number: int, data: st.DataObject) -> None:
    text = OURS.encode(number)
    at = data.draw(st.integers(0, len(text) - 1))
    other = text[:at] + data.draw(st.sampled_from(ALPHABET)) + text[at + 1 :]
    assert (OURS.decode(other) == number) == (other == text)


def test_an_id_of_two_numbers_or_of_one_too_large_is_none_of_ours() -> None:
    hashids = OURS._hashids
    assert OURS.decode(hashids.encode(12345, 67890)) is None
    assert OURS.decode(hashids.encode(MAX_ID + 1)) is None
    assert OURS.decode(hashids.encode(MAX_ID)) == MAX_ID


@pytest.mark.parametrize("number", [-1, MAX_ID + 1])
def test_what_is_no_row_id_has_no_public_id(number: int) -> None:
    with pytest.raises(ValueError):
        OURS.encode(number)


def test_a_megabyte_of_text_costs_nothing() -> None:
    assert OURS.decode("a" * 1_000_000) is None
    assert OURS._decode.cache_info().maxsize == 16_384


def test_ids_stay_what_they_were() -> None:
    """Clients keep ids: this value may not change between releases."""
    assert OURS.encode(42) == "qz91BY5bve"


@given(numbers, numbers)
def test_a_pair_comes_back_in_its_order_and_is_no_row(one: int, other: int) -> None:
    text = OURS.pair(one, other)
    assert OURS.unpair(text) == (one, other)
    assert OURS.decode(text) is None
    assert OURS.unpair(OURS.encode(one)) is None
    assert THEIRS.unpair(text) != (one, other)
    assert MIN_LENGTH <= len(text) <= 27 < MAX_PAIR_LENGTH


@given(st.text(st.characters(exclude_categories=()), max_size=60) | st.text(ALPHABET, min_size=8, max_size=42))
def test_any_text_is_a_pair_or_nothing_and_never_an_error(text: str) -> None:
    found = OURS.unpair(text)
    assert found is None or OURS.pair(*found) == text
