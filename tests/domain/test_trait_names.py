"""One trait, one name, however its source spells it."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.domain.trait_names import MAX_NAME, trait_name

letters = st.characters(codec="utf-8")
words = st.text(st.one_of(st.sampled_from("aBcZ09_ -.ÄéİßǅΣ²Ⅷ漢\u0301\u0307\u200b"), letters), max_size=70)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("first_name", "first_name"), ("firstName", "first_name"), ("First Name", "first_name"),
        ("FIRST-NAME", "first_name"), ("first.name", "first_name"), ("__first__name__", "first_name"),
        ("userID", "user_id"), ("HTTPStatus", "http_status"), ("address2Line", "address2_line"),
        ("Größe", "größe"), ("Vorname (privat)", "vorname_privat"), ("漢字", "漢字"), ("2faEnabled", "n2fa_enabled"),
    ],
)  # fmt: skip
def test_a_trait_has_one_name(raw: str, name: str) -> None:
    assert trait_name(raw) == name


@pytest.mark.parametrize("raw", ["", "_", "123", "--", "€", "x" * 65, "\u0301"])
def test_what_has_no_letter_or_is_too_long_is_no_name(raw: str) -> None:
    assert trait_name(raw) is None


@settings(max_examples=1000)
@example("1" + "a" * (MAX_NAME - 1))
@example("İstanbul")
@given(words)
def test_a_name_is_the_name_of_itself_and_not_too_long(raw: str) -> None:
    name = trait_name(raw)
    if name is not None:
        assert trait_name(name) == name
        assert len(name) <= MAX_NAME


def test_an_accent_is_one_character_or_two_and_the_same_name() -> None:
    assert trait_name("pre\u0301nom") == trait_name("pr\u00e9nom") == "pr\u00e9nom"
