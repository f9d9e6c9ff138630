"""Names: shown as their sources spell them, folded only for comparing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.identity.normalize import Unreadable
from app.identity.normalize.name import NameParts, fold, name, split_name


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Ada", "Ada"), ("  Ada \t King\nLovelace ", "Ada King Lovelace"), ("ADA", "ADA"), ("ada", "ada"),
        ("McDonald", "McDonald"), ("van der Berg", "van der Berg"), ("Zoe\u0308", "Zo\u00eb"), ("O’Hara", "O’Hara"),
        ("Ada\u00a0Lovelace", "Ada Lovelace"), ("山田 太郎", "山田 太郎"), ("👩‍💻", "👩‍💻"),
    ],
)  # fmt: skip
def test_a_name_is_shown_as_its_source_spells_it(raw: str, shown: str) -> None:
    assert name(raw) == shown


@pytest.mark.parametrize(
    ("raw", "code"), [("", "empty"), (" \n", "empty"), ("a\0b", "name_syntax"), ("x" * 257, "name_syntax")]
)
def test_what_is_no_name_says_why(raw: str, code: str) -> None:
    read = name(raw)
    assert isinstance(read, Unreadable)
    assert read.code == code


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("José", "JOSE"), ("Müller", "muller"), ("Straße", "STRASSE"), ("Søren", "soren"), ("Łukasz", "lukasz"),
        ("O'Hara", "OHARA"), ("O’Hara", "O'Hara"), ("Anne-Marie", "anne marie"), ("Zoe\u0308", "Zoë"),
        ("\uff21da", "ada"),
        ("Æsa", "aesa"), ("İpek", "ipek"), ("J. R. R.", "j r r"), ("\u05d3\u05b8\u05d5\u05d3", "\u05d3\u05d5\u05d3"),
    ],
)  # fmt: skip
def test_spellings_of_one_name_fold_together(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("が", "か"), ("Ada", "Аda"), ("กุ", "ก"), ("हि", "ह"), ("Jan", "Jon")])
def test_different_letters_do_not(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.text(max_size=40))
def test_names_and_their_folds_are_their_own_canonical_form(raw: str) -> None:
    assert fold(fold(raw)) == fold(raw)
    shown = name(raw)
    if isinstance(shown, str):
        assert name(shown) == shown


def test_a_full_name_comes_apart_and_is_never_lost() -> None:
    raw = "Dr. Ada King Lovelace"
    assert split_name(raw) == NameParts(raw, title="Dr.", given="Ada", middle="King", family="Lovelace")
    assert split_name("Lovelace, Ada") == NameParts("Lovelace, Ada", given="Ada", family="Lovelace")
    assert split_name("Ada") == NameParts("Ada", given="Ada")
    assert split_name("Juan de la Vega III").family == "de la Vega"
    assert split_name("Juan de la Vega III").suffix == "III"
    assert split_name("\0") == NameParts("\0")


@given(st.text(st.sampled_from("Ada .,'\"()-JrDr\u00e9\u5c71&/"), max_size=30) | st.text(max_size=30))
def test_taking_a_name_apart_never_fails(raw: str) -> None:
    assert split_name(raw).original == raw
