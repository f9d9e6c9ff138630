"""Text and containers: kept exactly as they were sent, or refused whole.

No trimming, no normal form: what a person wrote comes back byte for byte. The only
values refused are those that no store and no JSON document can hold.
"""

import math
import re
from typing import Final
from urllib.parse import urlsplit

from app.domain.normalize.result import EMPTY, Declarations, Json, Normal, Result, Unreadable

MAX_DEPTH: Final = 32
MAX_INTEGER: Final = 2**63 - 1  # what 64-bit readers of JSON take (RFC 7493 warns of more)
MAX_URL: Final = 2_048

_NOT_TEXT: Final = re.compile("[\0\ud800-\udfff]")
_UNSTORABLE: Final = Unreadable("unstorable", "The value holds NUL, half a character, no number, or nests too deeply.")
_CONTROL_OR_BLANK: Final = re.compile(r"[\x00-\x20\x7f-\x9f\s]")
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


def string(raw: Json, declared: Declarations) -> Result:
    """Text as sent; numbers and booleans become the JSON text they were sent as."""
    if isinstance(raw, str):
        return _UNSTORABLE if _NOT_TEXT.search(raw) else Normal(raw)
    if raw is None:
        return EMPTY
    if isinstance(raw, bool):
        return Normal("true" if raw else "false")
    if isinstance(raw, int | float) and storable(raw):
        return Normal(repr(raw))
    return Unreadable("not_text", "This is not text.")


def storable(value: Json, depth: int = MAX_DEPTH) -> bool:
    """Whether a parsed value can be written as JSON that every reader takes."""
    match value:
        case None | bool():
            return True
        case str():
            return _NOT_TEXT.search(value) is None
        case int():
            return -MAX_INTEGER - 1 <= value <= MAX_INTEGER
        case float():
            return math.isfinite(value)
        case list():
            return depth > 0 and all(storable(item, depth - 1) for item in value)
        case dict():
            return depth > 0 and all(
                isinstance(key, str) and storable(key) and storable(item, depth - 1) for key, item in value.items()
            )
        case _:
            return False


def any_json(raw: Json, declared: Declarations) -> Result:
    """Anything that JSON can hold, as it is."""
    return Normal(raw) if storable(raw) else _UNSTORABLE


def mapping(raw: Json, declared: Declarations) -> Result:
    """A JSON object, as it is."""
    if not isinstance(raw, dict):
        return EMPTY if raw is None else Unreadable("not_object", "This is not an object.")
    return any_json(raw, declared)


def sequence(raw: Json, declared: Declarations) -> Result:
    """A list of plain values, in its order; a plain value alone is a list of one."""
    if raw is None:
        return EMPTY
    items = raw if isinstance(raw, list) else [raw]
    if not flat(items):
        return Unreadable("not_list", "A list holds texts, numbers and booleans.")
    return any_json(items, declared)


def flat(items: list[Json]) -> bool:
    """Whether a list holds only texts, numbers and booleans."""
    return all(isinstance(item, str | int | float) for item in items)


def url(raw: Json, declared: Declarations) -> Result:
    """An absolute http(s) address with its scheme and host in lower case (RFC 3986 section 6.2.2.1).

    The path, query and fragment are kept letter for letter: only their server knows what they mean.
    A name without a scheme is unreadable: which scheme its server speaks would be a guess.
    """
    if not isinstance(raw, str):
        return EMPTY if raw is None else Unreadable("not_text", "A web address is text.")
    text = raw.strip()
    if not text:
        return EMPTY
    if len(text) > MAX_URL or _NOT_TEXT.search(text) or _CONTROL_OR_BLANK.search(text):
        return Unreadable("url_syntax", "A web address has no blanks and at most 2,048 characters.")
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
    except ValueError:
        return Unreadable("url_syntax", "This is not a web address as RFC 3986 defines it.")
    if parts.scheme.lower() not in _DEFAULT_PORTS:
        return Unreadable("url_scheme", "A web address begins with https:// or http://.")
    if not host or port == 0:
        return Unreadable("url_syntax", "A web address names a host.")
    before, at, place = parts.netloc.rpartition("@")
    scheme = parts.scheme.lower()
    place = place.lower().removesuffix(_DEFAULT_PORTS[scheme])
    return Normal(f"{scheme}://{before}{at}{place}{text[text.index('//') + 2 + len(parts.netloc) :]}")
