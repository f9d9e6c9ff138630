"""A person's name taken apart for comparing: given, middle and family name and the generation, folded.

For comparing only: what is shown stays as it was written. Western order (`Ada King`, `King, Ada`)
is assumed where a name arrives in one piece; comparisons allow for swapped names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from app.identity.matching.scripts import latin
from app.identity.normalize.name import fold

CACHED: Final = 16_384
TITLES: Final = frozenset("mr mrs ms miss mx dr prof sir dame lady lord rev fr herr frau mme sra".split())
_SUFFIXES: Final[Mapping[str, str]] = {
    "jr": "jr", "junior": "jr", "jnr": "jr", "sr": "sr", "senior": "sr", "snr": "sr",
    "ii": "ii", "iii": "iii", "iv": "iv", "2nd": "ii", "3rd": "iii",
}  # fmt: skip
_AFTER: Final = frozenset("phd md esq dds mba cpa".split())
_PARTICLES: Final = frozenset(
    "van von vom zu zur de del della der den des di da dos do du la le lo ten ter te bin ibn al el of st".split()
)


@dataclass(frozen=True, slots=True)
class PersonName:
    """Folded parts, in Latin letters where the script is known; empty where there is none."""

    given: str = ""
    middle: str = ""
    family: str = ""
    suffix: str = ""


NAMELESS: Final = PersonName()


@lru_cache(CACHED)
def person_name(first: str, last: str, full: str) -> PersonName:
    """The parts of a name from its fields as normalised; `full` is read only where a first name is missing."""
    family, suffix = _without_suffix(_words(last))
    given, generation = _without_suffix(_words(first))
    if given:
        return PersonName(given[0], " ".join(given[1:]), " ".join(family), suffix or generation)
    if not full:
        return PersonName("", "", " ".join(family), suffix)
    read = _taken_apart(full)
    return read if not family else PersonName(read.given, read.middle, " ".join(family), suffix or read.suffix)


def _taken_apart(full: str) -> PersonName:
    before, comma, after = full.partition(",")
    words, suffix = _without_suffix(_words(before))
    rest = _words(after)
    if comma and rest:
        if all(word in _SUFFIXES or word in _AFTER for word in rest):
            suffix = suffix or next((_SUFFIXES[word] for word in rest if word in _SUFFIXES), "")
        else:
            given, later = _without_suffix(rest)
            return PersonName(given[0] if given else "", " ".join(given[1:]), " ".join(words), suffix or later)
    words = words[1:] if len(words) > 1 and words[0] in TITLES else words
    if len(words) < 2:
        return PersonName(" ".join(words), "", "", suffix)
    at = next((i for i, word in enumerate(words) if i and word in _PARTICLES), len(words) - 1)
    return PersonName(words[0], " ".join(words[1:at]), " ".join(words[at:]), suffix)


def _words(text: str) -> list[str]:
    return latin(fold(text)).split() if text else []


def _without_suffix(words: list[str]) -> tuple[list[str], str]:
    """The words of a family name without what follows it, and the generation (`jr`, `sr`, `ii`, ...)."""
    suffix = ""
    while len(words) > 1 and (words[-1] in _SUFFIXES or words[-1] in _AFTER):
        suffix = _SUFFIXES.get(words[-1], suffix)
        words = words[:-1]
    return words, suffix
