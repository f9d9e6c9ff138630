"""Whether two first names can be one person's: a spelling, a nickname, an initial or a part of each other.

Lenient on purpose: it answers for a veto, where a wrong no tears a person apart.
"""

from functools import lru_cache
from typing import Final

from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler

from app.identity.matching import nicknames
from app.identity.matching.sounds import sound

ALIKE: Final = 0.8
"""Jaro-Winkler from which two first names are taken for spellings of one; strangers' names lie well below."""
CACHED: Final = 65_536


@lru_cache(CACHED)
def may_be_one(one: str, other: str) -> bool:
    """Whether two folded first names, of one or several words, leave it open that they name one person. Symmetric."""
    if not one or not other or one == other:
        return True
    mine, theirs = one.split(), other.split()
    if any(_words_agree(a, b) for a in mine for b in theirs):
        return True
    run, along = "".join(mine), "".join(theirs)
    return run == along or JaroWinkler.similarity(run, along) >= ALIKE


def _words_agree(one: str, other: str) -> bool:
    if one[0].isascii() != other[0].isascii():
        return True  # two scripts: nothing can be said without knowing how its bearer writes it
    short, long = sorted((one, other), key=len)
    if long.startswith(short):
        return True
    return (
        nicknames.related(one, other)
        or (len(sound(short)) > 2 and sound(one) == sound(other))
        or JaroWinkler.similarity(one, other) >= ALIKE
        or DamerauLevenshtein.distance(one, other, score_cutoff=2) <= (2 if len(short) > 5 else 1)
    )
