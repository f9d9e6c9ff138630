"""What holds for every type: total, idempotent, silent about the value."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.domain.normalize import BOTTOM, TYPES, Declarations, Json, Normal, Unreadable, infer, join, normalize
from app.domain.normalize.text import storable

BLNS = Path(__file__).parents[4] / "shared" / "data" / "corpora" / "blns" / "blns.json"

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text())
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4))
PIECES = """
    0 1 2 12 29 31 60 90 1990 2026 9999 - / . , : T Z + +01:00 W10 Mar märz listopad pm GMT ' " cm ft kg EUR $ € ¥
    1.234 1,234 ( ) e5 https:// example.com en DE _ Latn \u0660\u0661 \u2212 @ +49 30 901820 ;ext=5
"""
FRAGMENTS = st.lists(st.sampled_from([*PIECES.split(), "\u00a0"]), max_size=9).map("".join)
SPACED = st.lists(FRAGMENTS, max_size=4).map(" ".join)
AMOUNTS = SCALARS | FRAGMENTS
MONEY_LIKE = st.fixed_dictionaries({"amount": AMOUNTS, "currency": st.sampled_from(["EUR", "jpy", "X", ""])})
MEASURE_LIKE = st.fixed_dictionaries({"value": AMOUNTS, "unit": st.sampled_from(["cm", "LB", "", "parsec"])})
RAW = st.one_of(JSON, FRAGMENTS, SPACED, MONEY_LIKE, MEASURE_LIKE, st.datetimes().map(str), st.dates().map(str))
DECLARED = st.builds(
    Declarations,
    region=st.sampled_from([None, "DE", "US", "AR", "??"]),
    zone=st.sampled_from([None, "Europe/Berlin", "America/New_York", "UTC", "No/Where", "../../etc/passwd", ""]),
    day_first=st.sampled_from([None, True, False]),
    currency=st.sampled_from([None, "EUR", "JPY", "KWD", "USD", "???"]),
    locale=st.sampled_from([None, "de", "en-US", "hr_HR", "ar", "hello", ""]),
    century_from=st.sampled_from([None, 1930, 1, 99999]),
    excel_dates=st.booleans(),
)


@settings(max_examples=1000)
@given(st.sampled_from(sorted(TYPES)), RAW, DECLARED, DECLARED)
@example("money", {"amount": "1e999999", "currency": "EUR"}, Declarations(), Declarations())
@example("datetime", "9998-12-31T23:59:59-05:00", Declarations(), Declarations())
@example("datetime", "9998-12-31 24:00Z", Declarations(), Declarations())
@example("date", "1000-01-01T00:30:00+01:00", Declarations(), Declarations())
@example("number", "9" * 16, Declarations(), Declarations())
@example("boolean", 10**400, Declarations(), Declarations())
@example("integer", 10**5000, Declarations(), Declarations())
def test_every_value_is_answered_and_a_canonical_value_is_its_own_canonical_form(
    type: str, raw: Json, declared: Declarations, other: Declarations
) -> None:
    once = normalize(type, raw, declared)
    assert isinstance(once, Normal | Unreadable)
    if isinstance(once, Normal):
        assert storable(once.value)
        assert once.value is not None or type == "json"
        assert normalize(type, once.value, declared) == once
        assert normalize(type, once.value, other) == once


def test_no_naughty_string_raises_or_shows_itself_in_the_reason() -> None:
    if not BLNS.is_file():
        pytest.skip("the list of naughty strings is not beside this repository")
    declared = Declarations("DE", "Europe/Berlin", True, "EUR", "de", 1930, True)
    for raw in json.loads(BLNS.read_text(encoding="utf-8")):
        for type in TYPES:
            once = normalize(type, raw, declared)
            if isinstance(once, Unreadable):
                assert len(raw) < 12 or raw not in once.detail
            else:
                assert normalize(type, once.value, declared) == once


def test_every_naughty_string_comes_back_byte_for_byte() -> None:
    if not BLNS.is_file():
        pytest.skip("the list of naughty strings is not beside this repository")
    for raw in json.loads(BLNS.read_text(encoding="utf-8")):
        for type in ("string", "text", "json"):
            assert normalize(type, raw, Declarations()) == Normal(raw)


def test_an_unknown_type_takes_nothing() -> None:
    assert normalize("colour", "red", Declarations()) == Unreadable("unknown_type", "There is no such type of trait.")


@pytest.mark.parametrize("type", sorted(TYPES - {"json"}))
def test_nothing_is_no_value_of_any_type(type: str) -> None:
    read = normalize(type, None, Declarations())
    assert isinstance(read, Unreadable)
    assert read.code == "empty"


@given(JSON)
def test_the_inferred_type_takes_the_value_as_it_is(raw: Json) -> None:
    type = infer(raw)
    if type != BOTTOM and storable(raw):
        read = normalize(type, raw, Declarations())
        assert isinstance(read, Normal)
        assert type == "datetime" or read.value == raw


@pytest.mark.parametrize(
    ("raw", "type"),
    [
        (None, BOTTOM), (True, "boolean"), (1, "integer"), (1.5, "number"), (2.0, "number"), ("x", "string"),
        ("42", "string"), ("1990-03-03", "string"), ("2026-11-20T10:00:00Z", "datetime"), ([1, "a"], "list"),
        ("2026-11-20T10:00:00", "string"), ("2026-13-20T10:00:00Z", "string"), ("0001-01-01T00:00:00Z", "string"),
        ([], "list"), ([[]], "json"), ([None], "json"), ({}, "object"), (10**16, "json"), (float("nan"), "json"),
    ],
)  # fmt: skip
def test_a_type_is_inferred_only_from_what_is_plain_to_see(raw: Json, type: str) -> None:
    assert infer(raw) == type


KINDS = st.sampled_from(sorted(TYPES | {BOTTOM}))


@given(KINDS, KINDS, KINDS)
def test_the_type_of_a_trait_does_not_depend_on_the_order_of_arrival(a: str, b: str, c: str) -> None:
    assert join(a, b) == join(b, a)
    assert join(a, join(b, c)) == join(join(a, b), c)
    assert join(a, a) == a
    assert join(a, BOTTOM) == a
    assert join(a, "json") == "json"


def test_types_widen_to_what_takes_both() -> None:
    assert join("integer", "number") == "number"
    assert join("integer", "string") == "json"
    assert join("datetime", "string") == "json"


@given(st.lists(JSON, max_size=5))
def test_the_joined_type_takes_every_value_that_it_was_joined_from(values: list[Json]) -> None:
    values = [value for value in values if value is not None and storable(value)]
    type = BOTTOM
    for value in values:
        type = join(type, infer(value))
    assert all(isinstance(normalize(type, value, Declarations()), Normal) for value in values)
