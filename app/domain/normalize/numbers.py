"""Numbers: exact, finite, within +-1e15 and 15 significant digits, so that every reader of JSON sees the same.

Text is read by decimal arithmetic. `1.234` and `1,234` have two readings; without the
source's locale neither is taken. Where only one reading is possible (`1,234.50`,
`0.123`, `12,5`), it is taken whatever the locale.
"""

import math
import re
import unicodedata
from decimal import Decimal
from functools import lru_cache
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.numbers import get_decimal_symbol

from app.domain.normalize.result import EMPTY, Declarations, Json, Normal, Result, Unreadable

LIMIT: Final = 10**15
MAX_TEXT: Final = 64

_PLAIN: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,14})")
_SCIENTIFIC: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]{1,3}")
_SIGNED: Final = re.compile(r"([+-]?)([0-9.,]+)")
# Thousands in threes, or as in India (12,34,567): one sign throughout.
_GROUPED: Final = re.compile(r"[1-9][0-9]{0,2}(?:([.,])[0-9]{3})(?:\1[0-9]{3})*|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}")
_AMBIGUOUS: Final = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
# Blanks and apostrophes never are a decimal sign; between digits they group.
_GROUP_BLANK: Final = re.compile(r"(?<=[0-9])[ \u00a0\u2009\u202f'\u2019\u066c_](?=[0-9]{3}(?![0-9]))")
_SIGNS: Final = str.maketrans({"\u2212": "-", "\u066b": ".", "\ufe63": "-", "\uff0d": "-", "\uff0b": "+"})

_NO_NUMBER: Final = Unreadable("number_syntax", "This is not a number.")
_TWO_READINGS: Final = Unreadable("ambiguous_number", "The sign may group or divide: the source declares no locale.")
_TOO_LARGE: Final = Unreadable("out_of_range", "A number lies within 1e15 on either side of zero.")
_TOO_PRECISE: Final = Unreadable("too_precise", "A number has at most 15 significant digits.")


def decimal(text: str, locale: str | None) -> Decimal | Unreadable:
    """The one number that the text can mean, in any script's digits."""
    if len(text) > MAX_TEXT:
        return _NO_NUMBER
    plain = _ascii_digits(text.strip().translate(_SIGNS))
    if _SCIENTIFIC.fullmatch(plain):
        return Decimal(plain)
    found = _SIGNED.fullmatch(_GROUP_BLANK.sub("", plain))
    if found is None:
        return _NO_NUMBER
    sign, digits = found.groups()
    body = _one_reading(digits, locale)
    return body if isinstance(body, Unreadable) else Decimal(sign + body)


def _one_reading(digits: str, locale: str | None) -> str | Unreadable:
    """The digits with `.` as the decimal sign and nothing else."""
    if digits.isdigit():
        return digits
    if _AMBIGUOUS.fullmatch(digits):
        point = _decimal_sign(locale)
        if point is None:
            return _TWO_READINGS
        return digits.replace(point, ".") if point in digits else re.sub("[.,]", "", digits)
    if _GROUPED.fullmatch(digits):
        return re.sub("[.,]", "", digits)
    at = max(digits.rfind("."), digits.rfind(","))
    whole, fraction = digits[:at], digits[at + 1 :]
    if not (fraction.isdigit() or whole.isdigit()) or digits[at] in whole or not (whole or fraction):
        return _NO_NUMBER
    if whole and not whole.isdigit() and _GROUPED.fullmatch(whole) is None:
        return _NO_NUMBER
    if "." in fraction or "," in fraction:
        return _NO_NUMBER
    return f"{re.sub('[.,]', '', whole) or '0'}.{fraction or '0'}"


@lru_cache(256)
def _decimal_sign(locale: str | None) -> str | None:
    """The decimal sign of the locale, if it is `.` or `,`; the other one then groups."""
    if locale is None:
        return None
    try:
        point = get_decimal_symbol(Locale.parse(locale, sep="_" if "_" in locale else "-"))
    except (UnknownLocaleError, ValueError, TypeError):
        return None
    return point if point in (".", ",") else None


def _ascii_digits(text: str) -> str:
    if text.isascii():
        return text
    return "".join(c if c.isascii() else str(unicodedata.decimal(c, c)) for c in text)


def integer(raw: Json, declared: Declarations) -> Result:
    """A whole number; text and floats that mean one exactly."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        return Normal(raw) if -LIMIT <= raw <= LIMIT else _TOO_LARGE
    if isinstance(raw, str) and _PLAIN.fullmatch(raw):
        return Normal(int(raw))
    read = number(raw, declared)
    if isinstance(read, Normal) and not isinstance(read.value, int):
        return Unreadable("not_whole", "This is not a whole number.")
    return read


def number(raw: Json, declared: Declarations) -> Result:
    """An int where the number is whole, else a float whose shortest spelling is the number sent."""
    match raw:
        case bool():
            return Unreadable("number_syntax", "This is not a number.")
        case int():
            return Normal(raw) if -LIMIT <= raw <= LIMIT else _TOO_LARGE
        case float():
            return _finite(raw)
        case str() if raw.strip():
            read = decimal(raw, declared.locale)
            return read if isinstance(read, Unreadable) else exact(read)
        case None | str():
            return EMPTY
        case _:
            return _NO_NUMBER


def _finite(raw: float) -> Result:
    if not math.isfinite(raw):
        return _NO_NUMBER
    if abs(raw) > LIMIT:
        return _TOO_LARGE
    return Normal(int(raw) if raw.is_integer() else raw)


def exact(value: Decimal) -> Result:
    """A decimal as a JSON number, if JSON's readers can hold it."""
    if abs(value) > LIMIT:
        return _TOO_LARGE
    if value == value.to_integral_value():
        return Normal(int(value))
    nearest = float(value)
    return Normal(nearest) if Decimal(repr(nearest)) == value else _TOO_PRECISE
