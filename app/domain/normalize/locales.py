"""Locales (BCP 47), time zones (IANA)."""

import re
from functools import cache
from typing import Final
from zoneinfo import available_timezones

import pycountry
from babel.core import get_global

from app.domain.normalize.result import EMPTY, Declarations, Json, Normal, Result, Unreadable

MAX_LOCALE: Final = 64

# RFC 5646 section 2.1 without grandfathered tags, in lower case.
_TAG: Final = re.compile(
    r"(?P<language>[a-z]{2,3})(?P<extlang>(?:-[a-z]{3}){0,3})(?:-(?P<script>[a-z]{4}))?"
    r"(?:-(?P<region>[a-z]{2}|[0-9]{3}))?(?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)"
    r"(?P<rest>(?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?)"
)
_COMMON: Final = re.compile(r"[a-z]{2}(?:-[A-Z]{2})?")
_POSIX: Final = re.compile(r"([A-Za-z]{2,3}(?:[_-][A-Za-z]+)*)(?:\.[A-Za-z0-9\-]+)?(?:@[A-Za-z0-9]+)?")
_RETIRED: Final = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro"}
_NO_LOCALE: Final = Unreadable("locale", "This is no language tag such as de-CH.")
_NO_ZONE: Final = Unreadable("timezone", "This is no IANA time zone such as Europe/Berlin.")
_NOT_ZONES: Final = frozenset(("Factory", "localtime", "posixrules", "leapseconds"))


def locale(raw: Json, declared: Declarations) -> Result:
    """The tag in canonical case (RFC 5646 section 2.1.1); `de_DE.UTF-8` is `de-DE`; retired codes are renewed."""
    if not isinstance(raw, str):
        return EMPTY if raw is None else _NO_LOCALE
    text = raw.strip()
    if not text:
        return EMPTY
    if len(text) > MAX_LOCALE:
        return _NO_LOCALE
    if not (_COMMON.fullmatch(text)) and (posix := _POSIX.fullmatch(text)):
        text = posix[1]
    found = _TAG.fullmatch(text.replace("_", "-").lower())
    if found is None or (language := _language(found["language"])) is None:
        return _NO_LOCALE
    script = "-" + found["script"].title() if found["script"] else ""
    region = "-" + found["region"].upper() if found["region"] else ""
    return Normal(f"{language}{found['extlang']}{script}{region}{found['variants']}{found['rest']}")


def _language(code: str) -> str | None:
    """The ISO 639 code in its shortest and current form, or None for letters that name no language."""
    code = _RETIRED.get(code, code)
    return _languages().get(code)


@cache
def _languages() -> dict[str, str]:
    found = {}
    for language in pycountry.languages:
        short = getattr(language, "alpha_2", language.alpha_3)
        found[language.alpha_3] = found[short] = short
    return found


def timezone(raw: Json, declared: Declarations) -> Result:
    """The IANA name in its own case, also from the names that Windows uses.

    Abbreviations such as `PST` and bare offsets say too little (no rules for summer) and are unreadable.
    """
    if not isinstance(raw, str):
        return EMPTY if raw is None else _NO_ZONE
    text = raw.strip()
    if not text:
        return EMPTY
    found = _zones().get(text.casefold().replace(" ", "_")) or _windows().get(text.casefold())
    return Normal(found) if found else _NO_ZONE


@cache
def _zones() -> dict[str, str]:
    names = {name.casefold(): name for name in sorted(available_timezones() - _NOT_ZONES)}
    return names | dict.fromkeys(("z", "utc", "gmt", "etc/utc", "etc/gmt"), "UTC")


@cache
def _windows() -> dict[str, str]:
    return {
        name.casefold(): zone
        for name, zone in get_global("windows_zone_mapping").items()
        if zone.casefold() in _zones()
    }
