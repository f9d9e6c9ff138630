"""Postal addresses for comparing: house number and street apart, the usual words abbreviated one way.

No geography is known here: `10 Main Street` and `10 main st.` become one spelling, nothing is looked up.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from app.identity.matching.scripts import latin
from app.identity.normalize.name import fold

CACHED: Final = 16_384


def _abbreviated(block: str) -> dict[str, str]:
    """Lines of `short: long long ...`."""
    found: dict[str, str] = {}
    for line in block.strip().splitlines():
        short, _, longs = line.partition(":")
        found |= dict.fromkeys(longs.split(), short.strip())
    return found


# USPS Publication 28 (appendix C) and the everyday words of other countries' forms.
_SHORT: Final = _abbreviated("""
    st: street str strasse straße saint
    ave: avenue av aven
    rd: road
    dr: drive drv
    ln: lane
    ct: court crt
    pl: place
    blvd: boulevard boul
    cir: circle circ
    cres: crescent crs
    ter: terrace terr
    pkwy: parkway pky
    hwy: highway
    sq: square
    trl: trail
    way: wy
    hts: heights
    plz: plaza
    bnd: bend
    cv: cove
    pt: point
    xing: crossing
    n: north
    s: south
    e: east
    w: west
    ne: northeast
    nw: northwest
    se: southeast
    sw: southwest
    mt: mount
    apt: apartment
    ste: suite
    fl: floor
    mtn: mountain
    lk: lake
    crk: creek
    hl: hill
    hls: hills
    vly: valley
    vlg: village vlge
""")
_KINDS: Final = frozenset(_SHORT.values())
_UNIT: Final = frozenset("apt ste unit fl room rm # flat lot no nr".split())
_NUMBER: Final = re.compile(r"[0-9]+[a-z]?(?:/[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Address:
    """`house`: the number with its letter; `street`: the words of the street; `unit`: flat or suite, if given."""

    house: str = ""
    street: str = ""
    unit: str = ""

    @property
    def name(self) -> str:
        """The first word of the street that names it: no direction, no kind of street."""
        return next((word for word in self.street.split() if word not in _KINDS), "")


@lru_cache(CACHED)
def address(line: str) -> Address:
    """House number, street and unit of one or more address lines. What follows a comma is not the street."""
    before, _, after = latin(fold(line.replace(",", " | ").replace("#", " # "))).partition("|")
    words = [_SHORT.get(word, word) for word in before.split()]
    is_unit = len(words) == 2 and words[0] in _UNIT
    if after and (is_unit or not any(_NUMBER.fullmatch(w) for w in words[:1] + words[-1:])):
        # `Suite 900, 1450 N City Rd` and `Chinatown Point, 133 New Bridge Road`: the street comes second.
        words = [_SHORT.get(word, word) for word in after.replace("|", " ").split()]
    words, unit = _without_unit(words)
    house = ""
    for place in (0, -1):
        if words and _NUMBER.fullmatch(words[place]):
            house = words.pop(place)
            break
    return Address(house, " ".join(words), unit)


def _without_unit(words: list[str]) -> tuple[list[str], str]:
    for at, word in enumerate(words[:-1]):
        if word in _UNIT and any(c.isdigit() for c in words[at + 1]) and at > 0:
            return words[:at] + words[at + 2 :], words[at + 1]
    return words, ""
