"""Trait names: `firstName`, `First Name` and `first_name` are one trait."""

import re
import unicodedata
from functools import lru_cache

MAX_NAME = 64

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN = re.compile(r"\W+")
_RUNS = re.compile(r"__+")


@lru_cache(maxsize=10_000)
def trait_name(raw: str) -> str | None:
    """The canonical snake-case name, or None for a name without a letter or longer than MAX_NAME.

    Letters of every script stay; it is idempotent.
    """
    if raw.isascii() and raw.islower() and raw.isidentifier() and "__" not in raw:
        name = raw.strip("_")
    else:
        spaced = unicodedata.normalize("NFC", _HUMP.sub("_", raw).lower())
        name = _RUNS.sub("_", _BETWEEN.sub("_", spaced)).strip("_")
    if not any(c.isalpha() for c in name):
        return None
    if name[0].isdigit():
        name = f"n{name}"
    return name if len(name) <= MAX_NAME else None
