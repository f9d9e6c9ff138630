"""Conditions: Python and DuckDB say the same of every pair, whichever side is asked first."""

from typing import Any

import pytest
from hypothesis import given, settings

from app.identity.matching.conditions import (
    All,
    AnyOf,
    Begins,
    Condition,
    Crossed,
    Edits,
    Equal,
    Initial,
    Parts,
    Share,
    Similar,
    from_json,
    sql,
    test,
    to_json,
)
from app.identity.matching.features import Features
from app.identity.matching.shipped import shipped
from tests.identity.matching.people import raw_records

holds = test
test.__test__ = False  # type: ignore[attr-defined]  # the product's function, not one of pytest's

CONDITIONS: tuple[Condition, ...] = (
    Equal("given"),
    Similar("family", 0.88),
    Edits("street", 1, 2),
    Edits("street", 2, 1),
    Initial("middle"),
    Begins("organisation", 2),
    Crossed("given", "family"),
    Share("identifiers"),
    Parts(("birth_year", "birth_month", "birth_day"), 2),
    All((Equal("house"), Similar("city", 0.7))),
    AnyOf((Equal("postcode"), Begins("phone", 1))),
)
SHIPPED = tuple(level.when for each in shipped().comparisons for level in each.levels if level.when is not None)


@pytest.fixture(scope="module")
def duck() -> Any:
    return pytest.importorskip("duckdb", reason="DuckDB is not installed.").connect()


def of_duck(duck: Any, one: Features, other: Features) -> list[bool]:
    sides = []
    values: list[Any] = []
    for name, record in (("l", one), ("r", other)):
        columns = [
            f"CAST(? AS {'VARCHAR[]' if isinstance(v, tuple) else 'VARCHAR'}) AS {c}"
            for c, v in record._asdict().items()
        ]
        sides.append(f"(SELECT {', '.join(columns)}) {name}")
        values += [list(value) if isinstance(value, tuple) else value for value in record]
    asked = ", ".join(map(sql, (*CONDITIONS, *SHIPPED)))
    return list(duck.execute(f"SELECT {asked} FROM {sides[0]}, {sides[1]}", values).fetchone())


@settings(deadline=None, max_examples=150)
@given(one=raw_records, other=raw_records)
def test_python_and_sql_agree_on_every_condition(duck: Any, one: Features, other: Features) -> None:
    for pair in ((one, other), (one, one)):
        expected = [holds(each)(*pair) for each in (*CONDITIONS, *SHIPPED)]
        assert of_duck(duck, *pair) == expected


@given(one=raw_records, other=raw_records)
def test_it_does_not_matter_who_is_asked_first(one: Features, other: Features) -> None:
    for each in (*CONDITIONS, *SHIPPED):
        assert holds(each)(one, other) == holds(each)(other, one)


def test_a_condition_about_nothing_is_false() -> None:
    nobody = Features()
    assert not any(holds(each)(nobody, nobody) for each in CONDITIONS)


@pytest.mark.parametrize(
    ("condition", "one", "other"),
    [
        (Similar("given", 0.9), "martha", "marhta"),
        (Edits("given", 1), "jonas", "jnoas"),
        (Edits("given", 1), "jonas", "jona"),
        (Initial("given"), "j", "jonas"),
        (Begins("given"), "jo", "jonas"),
    ],
)
def test_slips_and_short_forms_are_seen(condition: Condition, one: str, other: str) -> None:
    assert holds(condition)(Features(given=one), Features(given=other))
    assert not holds(condition)(Features(given=one), Features(given="xyz"))


def test_a_short_text_has_no_slips() -> None:
    assert not holds(Edits("given", 1, 4))(Features(given="ann"), Features(given="anm"))


@pytest.mark.parametrize("condition", [*CONDITIONS, *SHIPPED])
def test_a_condition_is_read_as_it_was_written(condition: Condition) -> None:
    assert from_json(to_json(condition)) == condition


@pytest.mark.parametrize(
    "junk",
    [
        {},
        {"equal": ["wealth"]},
        {"equal": []},
        {"like": ["given"]},
        {"equal": ["given"], "share": ["given"]},
        {"all": [3]},
        {"edits": ["given", 1, 0]},
    ],
)
def test_junk_is_no_condition(junk: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="condition"):
        from_json(junk)
