"""Personal names: shown as their bearers' sources spell them, folded only for comparing.

The golden spelling is the source's own, capitals included: `McDonald`, `van der Berg`
and `ADA` are the source's word, and re-casing them would be a guess. What a matcher
compares is `fold(name)`, which is never shown.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from app.identity.normalize import Unreadable

MAX_LENGTH: Final = 256
CACHED: Final = 4_096

_PLAIN: Final = re.compile(r"[A-Za-z]+(?:[ '\-][A-Za-z]+)*")
# Letters that Unicode does not decompose although readers of other languages do.
_LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i", "ħ": "h", "ŋ": "n", "ŧ": "t"}
    | dict.fromkeys("'’ʼ`´‘ʻ", "")
    | dict.fromkeys("-‐‑–—.,·_/", " ")
)
# Combining classes of accents (Latin, Greek, Cyrillic: from 200; overlays: 1) and of Hebrew and Arabic points (10-35).
# The others make the letter: nukta, virama, kana voicing, the vowel signs of Thai, Lao and Tibetan.
_ACCENTS: Final = frozenset((1, *range(10, 36), *range(200, 256)))


@dataclass(frozen=True, slots=True)
class NameParts:
    """A full name taken apart. `original` is what was given, letter for letter; parts not found are empty."""

    original: str
    title: str = ""
    given: str = ""
    middle: str = ""
    family: str = ""
    suffix: str = ""
    nickname: str = ""


def name(raw: str) -> str | Unreadable:
    """The name trimmed, blanks collapsed, in normal form C, its case as written (`name_syntax`, `empty`)."""
    if len(raw) <= MAX_LENGTH and _PLAIN.fullmatch(raw):
        return raw
    text = unicodedata.normalize("NFC", " ".join(raw.split()))
    if not text:
        return Unreadable("empty", "There is no name here.")
    if len(text) > MAX_LENGTH:
        return Unreadable("name_syntax", f"A name has at most {MAX_LENGTH} characters.")
    if any(unicodedata.category(c) in ("Cc", "Cs", "Co", "Cn") for c in text):
        return Unreadable("name_syntax", "A name has no control characters.")
    return text


@lru_cache(CACHED)
def fold(name: str) -> str:
    """The name for comparing: no case, no accents, no punctuation, single blanks. Idempotent, never shown."""
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    bare = "".join(c for c in text if unicodedata.combining(c) not in _ACCENTS)
    return " ".join(unicodedata.normalize("NFC", bare.translate(_LETTERS)).split())


@lru_cache(CACHED)
def split_name(raw: str) -> NameParts:
    """Title, given, middle and family name, suffix and nickname, by nameparser's rules for Western names.

    `Ada Lovelace`, `Lovelace, Ada` and `Dr. Ada King Lovelace` are read; a single word is a given name.
    Names of other traditions come out as they stand in order, which is why `original` is always there.
    """
    read = name(raw)
    if isinstance(read, Unreadable):
        return NameParts(raw)
    from nameparser import HumanName  # 19 ms of import that the pipeline never needs

    parts = HumanName(read)
    return NameParts(raw, parts.title, parts.first, parts.middle, parts.last, parts.suffix, parts.nickname)
