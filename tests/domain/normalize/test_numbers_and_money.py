"""Numbers and money: exact, or not read at all."""

from decimal import Decimal

import pycountry
import pytest
from babel.numbers import format_currency, format_decimal
from hypothesis import given
from hypothesis import strategies as st

from app.domain.normalize import Declarations, Json, Normal, Unreadable, normalize

NOTHING = Declarations()
LOCALES = ["en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "de-CH", "en-IN", "ar", "fa"]
AMOUNTS = st.decimals(-999_999_999, 999_999_999, places=2)


def code(type: str, raw: Json, declared: Declarations = NOTHING) -> str:
    read = normalize(type, raw, declared)
    assert isinstance(read, Unreadable), read
    return read.code


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (42, 42), (4.0, 4), (-0.0, 0), (0.1, 0.1), ("42", 42), (" 42 ", 42), ("+42", 42), ("-1.5", -1.5),
        ("\u22125", -5),
        ("1e3", 1000), ("1.5E-3", 0.0015), ("0.123", 0.123), ("0,123", 0.123), ("12,5", 12.5), ("1234.567", 1234.567),
        ("1,234.5", 1234.5), ("1.234,5", 1234.5), ("1,234,567", 1234567), ("1 234 567,8", 1234567.8), (".5", 0.5),
        ("1'234.50", 1234.5), ("12,34,567", 1234567), ("12,34,567.5", 1234567.5), ("٤٢٫٥", 42.5), ("４２", 42),
        ("007", 7),
        ("999999999999999", 999999999999999), (10**15, 10**15), ("1000000000000000", 10**15),
    ],
)  # fmt: skip
def test_a_number_with_one_reading_is_read(raw: Json, value: float) -> None:
    assert normalize("number", raw, NOTHING) == Normal(value)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("1.234", "ambiguous_number"), ("1,234", "ambiguous_number"), ("", "empty"), ("NaN", "number_syntax"),
        ("inf", "number_syntax"), (float("nan"), "number_syntax"), (float("inf"), "number_syntax"),
        (True, "number_syntax"),
        ("12 apples", "number_syntax"), ("1,23,45", "number_syntax"), ("1.2.3", "number_syntax"),
        ("--1", "number_syntax"),
        ("1,234.567,8", "number_syntax"), ("12.345.67", "number_syntax"), ("0x10", "number_syntax"),
        (".", "number_syntax"),
        (10**15 + 1, "out_of_range"), ("1e16", "out_of_range"), ("1e999", "out_of_range"), (1e300, "out_of_range"),
        ("0.1234567890123456789", "too_precise"), ("1e-400", "too_precise"), ([], "number_syntax"),
        ("½", "number_syntax"),
    ],
)  # fmt: skip
def test_what_is_no_number_says_why(raw: Json, why: str) -> None:
    assert code("number", raw) == why


def test_the_sources_locale_decides_what_a_point_means() -> None:
    assert normalize("number", "1.234", Declarations(locale="de")) == Normal(1234)
    assert normalize("number", "1.234", Declarations(locale="en_US")) == Normal(1.234)
    assert normalize("number", "1,234", Declarations(locale="de")) == Normal(1.234)
    assert code("number", "1.234", Declarations(locale="nowhere")) == "ambiguous_number"


@pytest.mark.parametrize("locale", LOCALES)
@given(amount=AMOUNTS)
def test_what_a_locale_writes_is_read_back_there(locale: str, amount: Decimal) -> None:
    written = format_decimal(amount, format="#,##0.00##", locale=locale.replace("-", "_"))
    written = written.replace("\u200e", "").replace("\u200f", "")
    read = normalize("number", written, Declarations(locale=locale))
    assert isinstance(read, Normal), written
    assert Decimal(repr(read.value)) == amount


@given(st.floats(-1e15, 1e15))
def test_a_float_that_was_sent_stays_that_float(raw: float) -> None:
    assert normalize("number", raw, NOTHING) == Normal(raw)


def test_a_whole_number_is_whole_however_it_is_written() -> None:
    assert normalize("integer", "42.0", NOTHING) == normalize("integer", 42.0, NOTHING) == Normal(42)
    assert code("integer", 4.5) == code("integer", "4.5") == "not_whole"
    assert isinstance(getattr(normalize("integer", 42.0, NOTHING), "value", None), int)


def euro(amount: int) -> Normal:
    return Normal({"amount": amount, "currency": "EUR"})


@pytest.mark.parametrize(
    "raw",
    ["€1.234,56", "1.234,56 €", "1,234.56 EUR", "EUR 1234.56", "eur 1 234,56", "1 234,56\u00a0€", "1'234.56 Euro"],
)
def test_every_way_to_write_an_amount_is_one_amount(raw: str) -> None:
    assert normalize("money", raw, NOTHING) == euro(123456)


@pytest.mark.parametrize(
    ("raw", "amount", "currency"),
    [
        ("12 EUR", 1200, "EUR"), ("JPY 1200", 1200, "JPY"), ("1200.00 JPY", 1200, "JPY"), ("KWD 1.5", 1500, "KWD"),
        ("US$ 5", 500, "USD"), ("-£5", -500, "GBP"), ("£-5", -500, "GBP"), ("(5.00 GBP)", -500, "GBP"),
        ("12 zł", 1200, "PLN"),
        ("CHF 0.05", 5, "CHF"), ("R$ 10", 1000, "BRL"), ("UF 1 CLF"[3:], 10000, "CLF"), ("HUF 100", 10000, "HUF"),
    ],
)  # fmt: skip
def test_minor_units_follow_iso_4217(raw: str, amount: int, currency: str) -> None:
    assert normalize("money", raw, NOTHING) == Normal({"amount": amount, "currency": currency})


def test_a_bare_amount_is_in_the_declared_currency() -> None:
    assert normalize("money", 19.99, Declarations(currency="EUR")) == euro(1999)
    assert normalize("money", 20, Declarations(currency="eur")) == euro(2000)
    assert normalize("money", "19,99", Declarations(currency="EUR")) == euro(1999)
    assert normalize("money", 20, Declarations(currency="JPY")) == Normal({"amount": 20, "currency": "JPY"})


def test_a_dollar_is_the_declared_one_or_none() -> None:
    assert normalize("money", "$5", Declarations(currency="CAD")) == Normal({"amount": 500, "currency": "CAD"})
    assert code("money", "$5") == code("money", "$5", Declarations(currency="EUR")) == "currency"
    assert normalize("money", "5 kr", Declarations(currency="SEK")) == Normal({"amount": 500, "currency": "SEK"})
    assert code("money", "¥5") == "currency"


def test_an_object_has_minor_units_as_a_number_and_major_units_as_text() -> None:
    assert normalize("money", {"amount": 1999, "currency": "EUR"}, NOTHING) == euro(1999)
    assert normalize("money", {"amount": "19.99", "currency": "eur"}, NOTHING) == euro(1999)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (5, "currency"), ("5", "currency"), ("5 XXX", "currency"), ("5 FOO", "currency"),
        ("1.234 EUR", "ambiguous_number"),
        ("1.5 JPY", "too_precise"), ("19.999 EUR", "ambiguous_number"), ("0.999 EUR", "too_precise"),
        ("EUR", "money_syntax"),
        ("EUR 5 USD", "money_syntax"),
        ("5." + "0" * 40 + "1 EUR", "too_precise"), ("(-5 EUR)", "money_syntax"), ("-EUR -5", "money_syntax"),
        ("", "empty"),
        ("1e3 EUR", "money_syntax"), (True, "money_syntax"), ({"amount": 5}, "money_syntax"),
        ("1" * 16 + " EUR", "out_of_range"),
        ({"amount": 1.5, "currency": "EUR"}, "money_syntax"), ({"amount": 5, "currency": "FOO"}, "currency"),
    ],
)  # fmt: skip
def test_what_is_no_amount_says_why(raw: Json, why: str) -> None:
    assert code("money", raw) == why


@given(AMOUNTS, st.sampled_from(["EUR", "GBP", "PLN", "USD"]), st.sampled_from(["en_US", "de_DE", "pl_PL", "fr_FR"]))
def test_what_a_locale_writes_as_money_is_read_back(amount: Decimal, currency: str, locale: str) -> None:
    written = format_currency(amount, currency, locale=locale)
    read = normalize("money", written, Declarations(currency=currency, locale=locale))
    assert read == Normal({"amount": int(amount * 100), "currency": currency}), written


def test_every_currency_of_iso_4217_is_known() -> None:
    known = [c.alpha_3 for c in pycountry.currencies if c.alpha_3 not in ("XXX", "XTS")]
    assert len(known) > 150
    assert all(isinstance(normalize("money", f"1000 {currency}", NOTHING), Normal) for currency in known)
