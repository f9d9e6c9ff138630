"""Countries: ISO 3166-1 alpha-2 from any code or name.

Codes first (alpha-2, alpha-3, numeric), then English names and common aliases, then the
names that CLDR knows in the languages below. A name that means two countries anywhere
(`Congo`, `Korea`) means none here. `XK` is taken for Kosovo, as CLDR, the EU and the
postal services do, although ISO only reserves it for users.
"""

import unicodedata
from functools import cache
from typing import Final

import pycountry
from babel import Locale

from app.domain.normalize.result import EMPTY, Declarations, Json, Normal, Result, Unreadable
from app.identity.normalize.name import fold

MAX_TEXT: Final = 120
LANGUAGES: Final = (
    "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "nb", "fi", "cs", "sk", "hu", "ro", "bg", "hr", "sr",
    "sl", "et", "lv", "lt", "el", "tr", "ru", "uk", "ar", "he", "fa", "hi", "bn", "ja", "ko", "zh", "vi", "th",
    "id", "ms", "ca", "eu", "gl", "ga", "cy", "is", "mt", "sq", "mk",
)  # fmt: skip

_ALIASES: Final = {
    "great britain": "GB", "britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB",
    "northern ireland": "GB", "united kingdom of great britain": "GB",
    "us": "US", "u s": "US", "u s a": "US", "united states of america": "US", "america": "US", "states": "US",
    "holland": "NL", "netherlands": "NL", "uae": "AE", "emirates": "AE", "drc": "CD", "dr congo": "CD",
    "democratic republic of congo": "CD", "congo kinshasa": "CD", "congo brazzaville": "CG", "republic of congo": "CG",
    "south korea": "KR", "republic of korea": "KR", "north korea": "KP", "burma": "MM", "ivory coast": "CI",
    "cape verde": "CV", "swaziland": "SZ", "macedonia": "MK", "czech republic": "CZ", "turkey": "TR", "russia": "RU",
    "vatican": "VA", "holy see": "VA", "east timor": "TL", "kosovo": "XK", "prc": "CN",
    "mainland china": "CN", "hong kong": "HK", "macau": "MO", "taiwan": "TW", "palestine": "PS", "bosnia": "BA",
    "brasil": "BR", "eire": "IE", "republic of ireland": "IE", "trinidad": "TT", "antigua": "AG",
    "laos": "LA", "syria": "SY", "iran": "IR", "brunei": "BN", "moldova": "MD", "tanzania": "TZ", "bolivia": "BO",
    "venezuela": "VE", "vietnam": "VN", "viet nam": "VN", "micronesia": "FM", "bharat": "IN", "nippon": "JP",
    "brd": "DE", "republic of moldova": "MD", "cabo verde": "CV", "timor leste": "TL",
}  # fmt: skip
# Names of more than one country in everyday use.
_TWO_MEANINGS: Final = frozenset(("congo", "korea", "virgin islands"))
_SEVERAL: Final = "several"
_NO_COUNTRY: Final = Unreadable("country", "This is no name or code of a country of today.")
_TWO: Final = Unreadable("ambiguous_country", "More than one country has this name.")


def country(raw: Json, declared: Declarations) -> Result:
    """The alpha-2 code; unreadable as `country` or `ambiguous_country`."""
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 < raw < 1000:
        raw = f"{raw:03d}"
    if not isinstance(raw, str):
        return EMPTY if raw is None else _NO_COUNTRY
    if raw in _alpha_2():
        return Normal(raw)
    text = raw.strip()
    if not text:
        return EMPTY
    if len(text) > MAX_TEXT:
        return _NO_COUNTRY
    found = _by_code(text) or _by_name(_plain(text))
    if found == _SEVERAL:
        return _TWO
    return Normal(found) if found else _NO_COUNTRY


def _by_code(text: str) -> str | None:
    """By a code in any case, unless it is small and some language has a country of that name (`Nga`: Russia)."""
    code = _codes().get(text.upper()) if len(text) <= 3 and text.isascii() else None
    if code is None or text.isupper() or text.isdigit():
        return code
    return code if _by_name(_plain(text)) in (None, code) else _SEVERAL


def _by_name(name: str) -> str | None:
    if name in _TWO_MEANINGS:
        return _SEVERAL
    return _english().get(name) or _in_all_languages().get(name)


def _plain(name: str) -> str:
    words = "".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in fold(name)).split()
    return " ".join(word for word in words if word not in ("the", "and", "of") or len(words) < 2)


@cache
def _alpha_2() -> frozenset[str]:
    return frozenset(c.alpha_2 for c in pycountry.countries) | {"XK"}


@cache
def _codes() -> dict[str, str]:
    found = {code: entry.alpha_2 for entry in pycountry.countries for code in (entry.alpha_3, entry.numeric)}
    return found | {code: code for code in _alpha_2()} | {"UK": "GB", "EL": "GR", "XKX": "XK"}


@cache
def _english() -> dict[str, str]:
    """Aliases and English names; what is listed later may not contradict what came earlier."""
    found = {_plain(name): code for name, code in _ALIASES.items()}
    for entry in pycountry.countries:
        for attribute in ("name", "official_name", "common_name"):
            if hasattr(entry, attribute):
                found.setdefault(_plain(getattr(entry, attribute)), entry.alpha_2)
    for code, name in Locale("en").territories.items():
        if code in _alpha_2():
            found.setdefault(_plain(name), code)
    return found


@cache
def _in_all_languages() -> dict[str, str]:
    """Names in `LANGUAGES`; `_SEVERAL` where two languages mean different countries by one name."""
    found: dict[str, str] = {}
    for language in LANGUAGES:
        for code, name in Locale(language).territories.items():
            plain = _plain(name)
            if code in _alpha_2():
                found[plain] = code if found.get(plain, code) == code else _SEVERAL
    return found
