"""Vetoes: what two records can say of themselves and still be one person."""

import pytest

from app.identity.vetoes import Facts, facts_of, may_be_one_birthday, may_be_one_name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("robert", ""), ("bob", "")),
        (("bob", ""), ("rob", "")),
        (("margaret", "hill"), ("peggy", "hill")),
        (("r", ""), ("robert", "")),
        (("mary ann", ""), ("ann", "")),
        (("jeanluc", ""), ("jean luc", "")),
        (("catherine", ""), ("kathryn", "")),
        (("micheal", ""), ("michael", "")),
        (("anna", "schmidt"), ("schmidt", "anna")),
        (("anne", "schmidt"), ("schmidt", "anna")),
        (("иван", ""), ("ivan", "")),
    ],
)
def test_one_person_may_go_by_both_names(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert may_be_one_name(one, other)
    assert may_be_one_name(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("robert", "hill"), ("margaret", "hill")),
        (("laura", ""), ("kevin", "")),
        (("b", ""), ("alice", "")),
        (("anna", "schmidt"), ("peter", "schmidt")),
        (("thomas", ""), ("emma", "")),
        (("john", "hill"), ("jane", "hill")),
    ],
)
def test_one_person_does_not_go_by_both_names(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert not may_be_one_name(one, other)
    assert not may_be_one_name(other, one)


@pytest.mark.parametrize("slip", ["1971-05-24", "1971-05-25", "1917-05-24", "1971-06-25", "1981-05-24"])
def test_a_slip_of_the_hand_leaves_a_birthday_possible(slip: str) -> None:
    assert may_be_one_birthday("1971-05-24", slip)
    assert may_be_one_birthday(slip, "1971-05-24")


def test_day_and_month_may_be_swapped() -> None:
    assert may_be_one_birthday("1978-12-11", "1978-11-12")
    assert may_be_one_birthday("1978-03-12", "1978-12-03")


@pytest.mark.parametrize("other", ["1998-05-20", "1990-12-31", "2001-05-24"])
def test_a_generation_is_no_typing_error(other: str) -> None:
    assert not may_be_one_birthday("1971-05-24", other)


def test_facts_come_from_the_traits_of_the_catalog() -> None:
    traits = {"first_name": "Zoë", "last_name": "O'Hara", "birthday": "1990-01-02", "age": 3}
    assert facts_of(traits, ("crm", "7")) == Facts(("zoe", "ohara"), "1990-01-02", ("crm", "7"))
    assert facts_of({"name": "Dr. Ada King"}).name == ("ada", "king")
    assert facts_of({"name": "Madonna", "birthday": 1990, "first_name": ["x"]}) == Facts()


def test_a_placeholder_contradicts_no_name() -> None:
    assert facts_of({"first_name": "Mrs", "last_name": "King"}).name is None
    assert facts_of({"first_name": "lady of the house"}).name is None
    assert facts_of({"name": "Unknown King"}).name is None
