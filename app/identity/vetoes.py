"""Vetoes: what keeps two records apart although a link would join them.

A group of records says, of each fact, a set of *words*; a word is the set of values that one
person is known to go by. A record alone is one word. A link that no veto of the kind applies to
(a person's decision, an edit by hand, a link that is strong enough) proves that the
values on both sides are one person's, and makes one word of them. Two words contradict each
other when no value of one can be a value of the other; two groups are vetoed when any two of
their words do. So each check is over distinct words, not over pairs of records.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final, TypeAlias, TypeVar

from rapidfuzz.distance import DamerauLevenshtein

from app.identity.matching.first_names import may_be_one
from app.identity.matching.placeholders import nobody
from app.identity.normalize.name import fold, split_name
from app.identity.policy import Vetoes

Name: TypeAlias = tuple[str, str]
"""Folded first and family name; the latter may be empty."""
Account: TypeAlias = tuple[str, str]
"""(source, key) of a record in a source that has one record per person."""

V = TypeVar("V")
Words: TypeAlias = frozenset[frozenset[V]]
NONE: Final[frozenset[Account]] = frozenset()

TYPING_ERRORS: Final = 2
"""Characters of a date of birth that a slip of the hand gets wrong."""


class Strength(IntEnum):
    """How much a link proves by itself. Weak ones may be shared in a household or come of a likeness; a LIKELY one
    proves a slip in the date of birth, a STRONG one another name as well."""

    WEAK = 1
    LIKELY = 2
    STRONG = 3
    DECIDED = 4


@dataclass(frozen=True, slots=True)
class Facts:
    """What vetoes read of one record. `birthday` is ISO 8601; empty or None is unknown."""

    name: Name | None = None
    birthday: str = ""
    account: Account | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What a group of records says: the words of each fact."""

    accounts: frozenset[Account] = NONE
    birthdays: Words[str] = frozenset()
    names: Words[Name] = frozenset()


NOTHING: Final = Told()


def facts_of(traits: Mapping[str, object], account: Account | None = None) -> Facts:
    """The facts among a record's canonical traits, by the names of the trait catalog; other types count as unknown."""
    birthday = traits.get("birthday")
    return Facts(_name(traits), birthday if isinstance(birthday, str) else "", account)


def told(facts: Facts | None) -> Told:
    """What one record says."""
    if facts is None:
        return NOTHING
    return Told(
        NONE if facts.account is None else frozenset({facts.account}),
        frozenset({frozenset({facts.birthday})}) if facts.birthday else frozenset(),
        frozenset() if facts.name is None else frozenset({frozenset({facts.name})}),
    )


def veto(one: Told, other: Told, strength: Strength, rules: Vetoes) -> str | None:
    """Which veto forbids that these two are one person, or None. The first by name, so that all agree on the reason."""
    if one is NOTHING or other is NOTHING or strength is Strength.DECIDED:
        return None
    if (
        rules.birthday
        and strength is Strength.WEAK
        and _contradict(one.birthdays, other.birthdays, may_be_one_birthday)
    ):
        return "veto:birthday"
    if rules.first_name and strength <= Strength.LIKELY and _contradict(one.names, other.names, may_be_one_name):
        return "veto:first_name"
    if rules.one_per_person and _two_accounts(one.accounts, other.accounts):
        return "veto:one_per_person"
    return None


def united(one: Told, other: Told, strength: Strength) -> Told:
    """What the two say together, joined by a link of this strength."""
    if one is NOTHING or other is NOTHING:
        return one if other is NOTHING else other
    return Told(
        one.accounts | other.accounts,
        _together(one.birthdays, other.birthdays, proven=strength >= Strength.LIKELY),
        _together(one.names, other.names, proven=strength >= Strength.STRONG),
    )


def may_be_one_name(one: Name, other: Name) -> bool:
    """Whether two names can be one person's: first names that agree, or first and family name swapped."""
    return may_be_one(one[0], other[0]) or _swapped(one, other) or _swapped(other, one)


def _swapped(one: Name, other: Name) -> bool:
    """Whether the first name of one is the other's family name, and its family name may be the other's first name."""
    return bool(one[1] and other[1]) and one[0] == other[1] and may_be_one(one[1], other[0])


@lru_cache(16_384)
def may_be_one_birthday(one: str, other: str) -> bool:
    """Whether two days can be one day with a typing error, or with day and month swapped."""
    if one == other or (one[:4] == other[:4] and one[5:7] == other[8:] and one[8:] == other[5:7]):
        return True
    mine, theirs = one.replace("-", ""), other.replace("-", "")
    return DamerauLevenshtein.distance(mine, theirs, score_cutoff=TYPING_ERRORS) <= TYPING_ERRORS


def _name(traits: Mapping[str, object]) -> Name | None:
    first, last = traits.get("first_name"), traits.get("last_name")
    family = fold(last) if isinstance(last, str) else ""
    if isinstance(first, str) and (given := fold(first)):
        return None if nobody(given) else (given, family)
    full = traits.get("name")
    if isinstance(full, str) and " " in full.strip():
        parts = split_name(full)
        if (given := fold(parts.given)) and not nobody(given):
            return given, fold(parts.family) or family
    return None


def _contradict(one: Words[V], other: Words[V], may_be: Callable[[V, V], bool]) -> bool:
    return any(not any(may_be(a, b) for a in mine for b in theirs) for mine in one for theirs in other)


def _two_accounts(one: frozenset[Account], other: frozenset[Account]) -> bool:
    return any(source == where and key != id for source, key in one for where, id in other)


def _together(one: Words[V], other: Words[V], *, proven: bool) -> Words[V]:
    words = one | other
    return frozenset({frozenset[V]().union(*words)}) if proven and len(words) > 1 else words
