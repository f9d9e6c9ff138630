"""A crowd on paper: people with names as frequent as they are, and a share of them written down twice, with slips."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from app.identity.matching.model import Frequencies
from app.identity.matching.shipped import shipped

TWICE = 0.25
"""The share of records that are somebody's second."""
SLIPS = 0.15
"""The share of their fields that are not as before: a slip of the hand, or nothing."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
FIRST_DAY = date(1940, 1, 1)
DAYS = 365 * 65
PEOPLE_A_TOWN = 20_000


def crowd(many: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """The traits of so many records, the same for the same seed."""
    drawn = random.Random(seed)
    given, family = (_Names(shipped().frequencies[name], drawn) for name in ("given", "family"))
    towns = max(many // PEOPLE_A_TOWN, 20)
    known: list[dict[str, Any]] = []
    for _ in range(many):
        if known and drawn.random() < TWICE:
            yield _again(known[drawn.randrange(len(known))], drawn)
            continue
        first, last, town = given.one(), family.one(), drawn.randrange(towns)
        traits = {
            "first_name": first.title(),
            "last_name": last.title(),
            "birthday": (FIRST_DAY + timedelta(drawn.randrange(DAYS))).isoformat(),
            "city": f"town {_word(town)}",
            "postal_code": f"{town:05}",
            "address": f"{drawn.randrange(1, 200)} {_word(drawn.randrange(5_000))} street",
            "email": f"{first[0]}.{last}{drawn.randrange(10_000)}@mail{drawn.randrange(400)}.example",
        }
        if len(known) < 200_000:
            known.append(traits)
        yield traits


class _Names:
    """Names in their shipped frequencies; the rest are rare ones, made up."""

    def __init__(self, known: Frequencies, drawn: random.Random) -> None:
        self._names, self._shares = list(known.values), list(known.values.values())
        self._known, self._drawn = sum(self._shares), drawn

    def one(self) -> str:
        if self._drawn.random() < self._known:
            return self._drawn.choices(self._names, self._shares)[0]
        return _word(self._drawn.randrange(200_000) + 1_000)


def _word(number: int) -> str:
    """A number in consonants and vowels, so that it sounds like a name."""
    said = ""
    while True:
        number, syllable = divmod(number, 17 * 5)
        said += "bcdfghklmnprstvwz"[syllable // 5] + "aeiou"[syllable % 5]
        if not number:
            return said + "n"


def _again(traits: dict[str, Any], drawn: random.Random) -> dict[str, Any]:
    """The same person in another system: fields are lost or written with a slip, and the address is another one."""
    said = {name: value for name, value in traits.items() if name != "email"}
    for name, value in list(said.items()):
        if drawn.random() < SLIPS:
            if name == "birthday" or drawn.random() < 0.5:
                del said[name]
            else:
                at = drawn.randrange(len(value))
                said[name] = value[:at] + drawn.choice(LETTERS) + value[at + 1 :]
    return said
