"""Money: integer minor units with an ISO 4217 currency, by decimal arithmetic only.

Canonical: `{"amount": 123456, "currency": "EUR"}`. In such an object a whole number is
minor units; a text (`"19.99"`) is major units, as shops send it. A bare number or text
is major units of the currency it names or, failing that, of the one its source declares.
"""

import re
from decimal import Context, Decimal
from functools import cache
from typing import Final

import pycountry

from app.domain.normalize.numbers import LIMIT, decimal
from app.domain.normalize.result import EMPTY, Declarations, Json, Normal, Result, Unreadable


def _codes(block: str) -> list[str]:
    return block.split()


# ISO 4217 exponents that are not 2. CLDR rounds several others for display; minor units do not follow it.
_EXPONENTS: Final = (
    dict.fromkeys(_codes("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"), 0)
    | dict.fromkeys(_codes("BHD IQD JOD KWD LYD OMR TND"), 3)
    | dict.fromkeys(_codes("CLF UYW"), 4)
)
# Signs of one currency only.
_SIGNS: Final = {
    "€": "EUR", "£": "GBP", "₹": "INR", "₪": "ILS", "₩": "KRW", "₫": "VND", "₺": "TRY", "₽": "RUB", "₴": "UAH",
    "₸": "KZT", "₦": "NGN", "₱": "PHP", "₡": "CRC", "₲": "PYG", "₵": "GHS", "₮": "MNT", "₭": "LAK", "₾": "GEL",
    "₼": "AZN", "֏": "AMD", "฿": "THB", "៛": "KHR", "৳": "BDT", "ZŁ": "PLN", "KČ": "CZK", "FT": "HUF", "R$": "BRL",
    "US$": "USD", "A$": "AUD", "AU$": "AUD", "CA$": "CAD", "C$": "CAD", "NZ$": "NZD", "HK$": "HKD", "S$": "SGD",
    "SG$": "SGD", "MX$": "MXN", "NT$": "TWD", "CN¥": "CNY", "JP¥": "JPY", "元": "CNY", "円": "JPY", "FR.": "CHF",
    "$US": "USD", "$CA": "CAD", "$AU": "AUD", "£GB": "GBP", "SFR.": "CHF", "EURO": "EUR", "EUROS": "EUR",
}  # fmt: skip
# Signs that several currencies share: read as the declared one, if it is among them.
_SHARED: Final = {
    "$": frozenset(_codes("USD CAD AUD NZD SGD HKD TWD MXN ARS CLP COP UYU BSD BBD BZD BMD BND FJD GYD JMD KYD LRD NAD"
                          " SBD SRD TTD XCD")),
    "¥": frozenset(("JPY", "CNY")),
    "￥": frozenset(("JPY", "CNY")),
    "KR": frozenset(("SEK", "NOK", "DKK", "ISK")),
    "KR.": frozenset(("SEK", "NOK", "DKK", "ISK")),
    "LEI": frozenset(("RON", "MDL")),
}  # fmt: skip
_SHAPE: Final = re.compile(
    r"(?P<sign>[-+\u2212]?)\s*(?P<before>[^\d\s.,()+\-\u2212]*[.]?)\s*"
    r"(?P<amount>[-+\u2212]?\d[\d.,\s'\u2019\u066b\u066c]*?)\s*(?P<after>[^\d\s,()+\-\u2212]*)"
)
MAX_TEXT: Final = 80
# The default context would round at 28 digits and take 5.000…001 for 5.
_EXACT: Final = Context(prec=MAX_TEXT + 8)

_NO_MONEY: Final = Unreadable("money_syntax", "This is not an amount of money.")
_NO_CURRENCY: Final = Unreadable("currency", "The amount names no known currency and its source declares none.")


@cache
def _currencies() -> frozenset[str]:
    return frozenset(currency.alpha_3 for currency in pycountry.currencies) - {"XXX", "XTS"}


def money(raw: Json, declared: Declarations) -> Result:
    """Unreadable as `money_syntax`, `currency`, `ambiguous_number`, `too_precise` or `out_of_range`."""
    match raw:
        case None:
            return EMPTY
        case bool():
            return _NO_MONEY
        case int():
            return _NO_CURRENCY if (code := _code(declared.currency)) is None else _scaled(raw, code)
        case float():
            code = _code(declared.currency)
            return _NO_CURRENCY if code is None else _in_minor_units(Decimal(repr(raw)), code)
        case str():
            return _from_text(raw, declared) if raw.strip() else EMPTY
        case {"amount": amount, "currency": str(currency)} if len(raw) == 2:
            return _from_object(amount, currency, declared)
        case _:
            return _NO_MONEY


def _from_object(amount: Json, currency: str, declared: Declarations) -> Result:
    code = _code(currency)
    if code is None:
        return _NO_CURRENCY
    if isinstance(amount, int) and not isinstance(amount, bool):
        return _whole(amount, code)
    if isinstance(amount, str):
        read = decimal(amount, declared.locale)
        return read if isinstance(read, Unreadable) else _in_minor_units(read, code)
    return _NO_MONEY


def _from_text(raw: str, declared: Declarations) -> Result:
    text = raw.strip()
    if len(text) > MAX_TEXT:
        return _NO_MONEY
    owed = text.startswith("(") and text.endswith(")")  # bookkeepers write -5 as (5)
    found = _SHAPE.fullmatch(text[1:-1].strip() if owed else text)
    if found is None or (found["before"] and found["after"]):
        return _NO_MONEY
    if sum((owed, bool(found["sign"]), found["amount"][0] in "+-\u2212")) > 1:
        return _NO_MONEY
    code = _currency(found["before"] or found["after"], declared.currency)
    if code is None:
        return _NO_CURRENCY
    read = decimal(found["sign"] + found["amount"], declared.locale)
    if isinstance(read, Unreadable):
        return read
    return _in_minor_units(read.copy_negate() if owed else read, code)


def _currency(named: str, declared: str | None) -> str | None:
    """The code for a sign or code, or the declared one where the amount is bare."""
    if not named:
        return _code(declared)
    sign = named.upper()
    if sign in _SHARED:
        code = _code(declared)
        return code if code in _SHARED[sign] else None
    return _SIGNS.get(sign) or _code(sign)


def _code(named: str | None) -> str | None:
    code = named.strip().upper() if named else ""
    return code if code in _currencies() else None


def _scaled(major: int, code: str) -> Result:
    return _whole(major * 10 ** _EXPONENTS.get(code, 2), code) if abs(major) <= LIMIT else _whole(LIMIT + 1, code)


def _in_minor_units(major: Decimal, code: str) -> Result:
    if not major.is_finite():
        return _NO_MONEY
    if abs(major) > LIMIT:
        return _whole(LIMIT + 1, code)
    minor = _EXACT.scaleb(major, _EXPONENTS.get(code, 2))
    if minor != minor.to_integral_value():
        return Unreadable("too_precise", "The amount has more decimals than its currency.")
    return _whole(int(minor), code)


def _whole(minor: int, code: str) -> Result:
    if abs(minor) > LIMIT:
        return Unreadable("out_of_range", "An amount lies within 1e15 minor units on either side of zero.")
    return Normal({"amount": minor, "currency": code})
