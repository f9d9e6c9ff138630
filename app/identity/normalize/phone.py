"""Telephone numbers: E.164, with the extension kept apart.

A number written with its country (`+49…`, or `00…`) needs to have a length that its
country uses. A number without one is read in the source's region and must then be
*valid* there, not merely long enough: a number that does not fit the declared region
comes from another one, and a guess would point at a stranger.
"""

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

import phonenumbers
from phonenumbers import (
    CountryCodeSource,
    NumberParseException,
    PhoneMetadata,
    PhoneNumber,
    PhoneNumberFormat,
    ValidationResult,
)

from app.identity.normalize import Unreadable

CACHED: Final = 8_192
MAX_LENGTH: Final = 250  # the most that phonenumbers reads

_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_REGION: Final = re.compile(r"[A-Z]{2}")
# 00 is the international prefix recommended by ITU-T E.123; also in full-width and Arabic digits.
_DOUBLE_ZERO: Final = re.compile(r"\s*[0０٠۰]\s?[0０٠۰](?=[\s\-./(]*[1-9１-９١-٩۱-۹])")


@dataclass(frozen=True, slots=True)
class Phone:
    """A telephone number: `e164` identifies, `extension` (digits) only helps to reach the person."""

    e164: str
    extension: str | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a calling code's numbering plan says: possible lengths, and what dialling at home puts in front."""

    lengths: frozenset[int]
    home_prefix: re.Pattern[str] | None


def phone(raw: str, region: str | None = None) -> Phone | Unreadable:
    """The number in E.164; `region` is the source's ISO 3166-1 alpha-2 code or None.

    Unreadable as `phone_syntax`, `phone_region` (no country in the number and none declared),
    `phone_length`, `phone_invalid` (does not exist in the declared region) or `phone_ambiguous`.
    """
    return Phone(raw) if _plain(raw) else _thorough(raw, region)


def _plain(raw: str) -> bool:
    """Whether the library would give this very string back: E.164 already, and nothing to strip."""
    if _E164.fullmatch(raw) is None:
        return False
    for size in (1, 2, 3):
        if int(raw[1 : 1 + size]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            plan, rest = _plan(int(raw[1 : 1 + size])), raw[1 + size :]
            home = plan.home_prefix
            return len(rest) in plan.lengths and (home is None or home.match(rest) is None)
    return False


@cache
def _plan(calling_code: int) -> _Plan:
    region = phonenumbers.region_code_for_country_code(calling_code)
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(calling_code, region)
    assert metadata is not None, calling_code
    assert metadata.general_desc is not None, calling_code
    home = metadata.national_prefix_for_parsing
    return _Plan(frozenset(metadata.general_desc.possible_length), re.compile(home) if home else None)


@lru_cache(CACHED)
def _thorough(raw: str, region: str | None) -> Phone | Unreadable:
    if len(raw) > MAX_LENGTH:
        return Unreadable("phone_length", "This is too long for a telephone number.")
    home = region.upper() if region is not None and _REGION.fullmatch(region.upper()) else None
    if home is not None and home not in phonenumbers.SUPPORTED_REGIONS:
        home = None
    found = _parsed(raw, home)
    if isinstance(found, Unreadable) and (prefix := _DOUBLE_ZERO.match(raw)):
        abroad = _parsed("+" + raw[prefix.end() :], None)
        return found if isinstance(abroad, Unreadable) and home is not None else abroad
    return found


def _parsed(raw: str, region: str | None) -> Phone | Unreadable:
    try:
        number = phonenumbers.parse(raw, region, keep_raw_input=True)
    except NumberParseException as error:
        if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
            return Unreadable("phone_region", "The number names no known country and the source declares no region.")
        if error.error_type == NumberParseException.NOT_A_NUMBER:
            return Unreadable("phone_syntax", "This is not a telephone number.")
        return Unreadable("phone_length", "No telephone number has this length.")
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return Unreadable("phone_length", "No telephone number of that country has this length.")
    if not _names_its_country(number) and not phonenumbers.is_valid_number(number):
        return Unreadable("phone_invalid", "The number does not exist in the region that the source declares.")
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if _may_lack_its_plus(number):
        return Unreadable("phone_ambiguous", "Without a + the number could be read with its country code or without.")
    return _at_rest(e164, number.extension or None)


def _names_its_country(number: PhoneNumber) -> bool:
    return number.country_code_source in {
        CountryCodeSource.FROM_NUMBER_WITH_PLUS_SIGN,
        CountryCodeSource.FROM_NUMBER_WITH_IDD,
    }


def _may_lack_its_plus(number: PhoneNumber) -> bool:
    """Whether digits read as national are as good a number when their start is taken for the country's code.

    Exports drop the plus as often as the leading zero, so that neither reading is the likelier one.
    """
    national, code = phonenumbers.national_significant_number(number), str(number.country_code)
    if _names_its_country(number) or not national.startswith(code):
        return False
    if number.country_code_source != CountryCodeSource.FROM_DEFAULT_COUNTRY or number.italian_leading_zero:
        return False
    try:
        abroad = phonenumbers.parse("+" + national, None)
    except NumberParseException:
        return False
    return phonenumbers.is_valid_number(abroad) and abroad.national_number != number.national_number


def _at_rest(e164: str, extension: str | None) -> Phone | Unreadable:
    """E.164 reads back as itself, or the reading was not a canonical one.

    A few plans strip a leading digit that a number written with its country does not
    have (and the library then strips again): those numbers have no stable spelling.
    """
    for _ in range(3):
        try:
            number = phonenumbers.parse(e164, None)
        except NumberParseException:
            break
        if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
            break
        again = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        if again == e164:
            return Phone(e164, extension)
        e164 = again
    return Unreadable("phone_syntax", "The number has no stable international spelling.")
