"""Telephone numbers: E.164, read in the source's region and never guessed."""

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.identity.normalize import Unreadable
from app.identity.normalize.phone import Phone, _plain, _plan, phone

REGIONS = st.sampled_from([None, "US", "DE", "GB", "IT", "AR", "MX", "BR", "RU", "JP", "HU", "KZ", "xx", "de", ""])
CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
INTERNATIONAL = st.builds(
    "+{}{}".format, st.sampled_from(CODES), st.text(st.sampled_from("0123456789"), min_size=3, max_size=14)
)
NUMBER_LIKE = st.one_of(
    INTERNATIONAL,
    st.text(st.sampled_from("0123456789+-()./ x#;ext=tel:ABC\uff10\uff11\u0660\u0661\u00a0"), max_size=25),
    st.text(max_size=30),
)


@pytest.mark.parametrize(
    ("raw", "region", "e164"),
    [
        ("+4930901820", None, "+4930901820"),
        ("+49 (0)30 / 901820", None, "+4930901820"),
        ("030 901820", "DE", "+4930901820"),
        ("030 901820", "de", "+4930901820"),
        ("0049 30 901820", None, "+4930901820"),
        ("0049 30 901820", "DE", "+4930901820"),
        ("0049 30 901820", "US", "+4930901820"),
        ("011 49 30 901820", "US", "+4930901820"),
        ("tel:+1-202-555-0123", None, "+12025550123"),
        ("(202) 555-0123", "US", "+12025550123"),
        ("1-800-FLOWERS", "US", "+18003569377"),
        ("\uff10\uff13\uff10 \uff19\uff10\uff11\uff18\uff12\uff10", "DE", "+4930901820"),
        ("\u0660\u0663\u0660 \u0669\u0660\u0661\u0668\u0662\u0660", "DE", "+4930901820"),
        ("02 1234 5678", "IT", "+390212345678"),
        ("+39 02 1234 5678", None, "+390212345678"),
        ("8 (495) 123-45-67", "RU", "+74951234567"),
    ],
)
def test_every_way_to_write_a_number_is_one_number(raw: str, region: str | None, e164: str) -> None:
    assert phone(raw, region) == Phone(e164)


@pytest.mark.parametrize(
    "raw", ["+1 202 555 0123 ext. 42", "202-555-0123 x42", "+12025550123;ext=42", "202 555 0123 #42"]
)
def test_an_extension_is_kept_apart_from_the_line(raw: str) -> None:
    assert phone(raw, "US") == Phone("+12025550123", "42")


@pytest.mark.parametrize(
    ("raw", "region", "code"),
    [
        ("030 901820", None, "phone_region"),
        ("030 901820", "XX", "phone_region"),
        ("+999 1234567", None, "phone_region"),
        ("+1 555 0100", None, "phone_length"),
        ("+49 1", None, "phone_length"),
        ("+" + "1" * 40, None, "phone_length"),
        ("9" * 300, "US", "phone_length"),
        ("ada", "US", "phone_syntax"),
        ("", "US", "phone_syntax"),
        ("ada@example.com", "US", "phone_syntax"),
        ("(202) 155-0123", "US", "phone_invalid"),
        ("4915112345678", "DE", "phone_ambiguous"),
    ],
)
def test_what_cannot_be_read_says_why(raw: str, region: str | None, code: str) -> None:
    read = phone(raw, region)
    assert isinstance(read, Unreadable)
    assert read.code == code


@given(NUMBER_LIKE, REGIONS, REGIONS)
def test_a_canonical_number_reads_as_itself_in_every_region(raw: str, region: str | None, other: str | None) -> None:
    once = phone(raw, region)
    if isinstance(once, Phone):
        assert phone(once.e164, other) == Phone(once.e164)


@given(INTERNATIONAL, REGIONS)
@example("+541143211234", None)
@example("+5491143211234", "AR")
@example("+390612345678", "IT")
@example("+4903012345", "DE")
@example("+11234567890", "US")
def test_the_short_way_gives_what_the_library_gives(number: str, region: str | None) -> None:
    if _plain(number):
        known = region if region in phonenumbers.SUPPORTED_REGIONS else None
        parsed = phonenumbers.parse(number, known)
        assert phonenumbers.is_possible_number_with_reason(parsed) == phonenumbers.ValidationResult.IS_POSSIBLE
        assert phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == number
        assert not parsed.extension


def test_the_short_way_holds_for_every_calling_code_length_and_leading_digits() -> None:
    taken = 0
    for calling_code in CODES:
        for length in sorted(_plan(calling_code).lengths):
            for lead in range(10):
                for second in "0156":
                    number = f"+{calling_code}{lead}{second}23456789012345"[: 1 + len(str(calling_code)) + length]
                    if _plain(number):
                        parsed = phonenumbers.parse(number, None)
                        assert phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == number
                        taken += 1
    assert taken > 20_000


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_an_example_of_every_region_is_read_alike_at_home_and_abroad(region: str) -> None:
    mobile = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    number = mobile or phonenumbers.example_number(region)
    assert number is not None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    at_home = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    assert phone(e164) == phone(at_home, region) == Phone(e164)
