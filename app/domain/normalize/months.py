"""The words of dates in the languages that sources write: months, weekdays, and the small words between them."""

from functools import cache, lru_cache
from typing import Final

from babel import Locale

from app.identity.normalize.name import fold

LANGUAGES: Final = (
    "en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "nb", "fi", "cs", "sk", "hu", "ro", "hr", "sl",
    "tr", "ca", "et", "lv", "lt", "el", "ru", "uk", "bg", "sr", "id",
)  # fmt: skip
"""Read in every text; the language of the source's locale comes first where it declares one."""

AMBIGUOUS: Final = 0
"""Stands for a month word that means two months (`listopad`: October in Zagreb, November in Prague)."""

# Abbreviations that people use and CLDR does not list.
_MORE: Final = {"sept": 9, "maerz": 3, "mrz": 3, "jaenner": 1, "janner": 1, "feber": 2, "fevr": 2, "aout": 8}
_SMALL_WORDS: Final = (
    "st", "nd", "rd", "th", "de", "del", "of", "den", "the", "le", "el", "er", "eme", "d", "do", "di", "a", "o",
    "og", "y", "г", "р", "года", "року",
)  # fmt: skip


@cache
def months() -> dict[str, int]:
    """Folded month names of all languages, wide and abbreviated, to 1..12, or to `AMBIGUOUS`."""
    found: dict[str, int] = {}
    for language in LANGUAGES:
        for word, number in _months_of(language).items():
            found[word] = number if found.get(word, number) == number else AMBIGUOUS
    return found | _MORE


@lru_cache(64)
def months_in(locale: str | None) -> dict[str, int]:
    """The same with the words of the locale's own language above all others."""
    language = (locale or "").replace("_", "-").partition("-")[0].lower()
    return months() | _months_of(language) if language in LANGUAGES else months()


def _months_of(language: str) -> dict[str, int]:
    """Month names as they stand in a date and alone."""
    forms = Locale(language).months
    words = (
        (fold(word), number)
        for context in ("format", "stand-alone")
        for width in ("wide", "abbreviated")
        for number, word in forms[context][width].items()
    )
    return {word: number for word, number in words if word and not word.isdigit()}


@cache
def ignored() -> frozenset[str]:
    """Words that may stand in a date without saying anything: weekdays, ordinal endings, prepositions."""
    found = set(_SMALL_WORDS)
    for language in LANGUAGES:
        forms = Locale(language).days
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                found.update(word for name in forms[context][width].values() for word in fold(name).split())
    return frozenset(found - months().keys())
