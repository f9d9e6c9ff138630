"""The model that comes with the product: what it compares, and how its file is made.

    python -m bench.shipped_model        # writes app/identity/matching/shipped.json; needs faker, no network

`m` and `u` are round guesses of what customer data looks like, fitted to no set: `cdp train` and `cdp evaluate` fit
them to the records at hand. Levels that weigh nothing (`m` and `u` alike) are there because a shared mailbox, telephone
or household must not count twice. The frequencies of names are those of the US Census Bureau and the Social Security
Administration (public domain), as faker (MIT) carries them.
"""

from importlib import import_module
from pathlib import Path
from typing import Final

from app.identity.matching.conditions import (
    All,
    AnyOf,
    Begins,
    Condition,
    Crossed,
    Edits,
    Equal,
    Initial,
    Parts,
    Share,
    Similar,
)
from app.identity.matching.model import Comparison, Frequencies, Level, Model, dump
from app.identity.normalize.name import fold

FILE: Final = Path(__file__).parents[1] / "app" / "identity" / "matching" / "shipped.json"

AUTOMATIC: Final = 24.0
"""Bits. Nothing is known of the data, so that a link must be right among millions of records."""

REVIEW: Final = 12.0

LISTED_FAMILIES: Final = 0.405
"""Share of Americans who bear one of the thousand family names that are listed."""

LISTED_GIVEN: Final = 0.45
"""Half of all people are of one sex, and nine in ten bear a first name that is listed."""


def _level(label: str, when: Condition | None, m: float, u: float) -> Level:
    return Level(label, when, m, u)


def _comparison(name: str, present: list[str], *levels: Level, frequency: str | None = None) -> Comparison:
    return Comparison(name, tuple(present), levels, frequency)


HOUSE: Final = All((Equal("house"), AnyOf((Similar("street", 0.88), Equal("street_name")))))
COMPARISONS: Final = (
    _comparison(
        "given name",
        ["given"],
        _level("same", Equal("given"), 0.74, 0.004),
        _level("a short form of the other", Share("given_forms"), 0.05, 0.0015),
        _level("a slip of the hand away", AnyOf((Similar("given", 0.92), Edits("given", 1))), 0.09, 0.003),
        _level("the initial of the other", Initial("given"), 0.02, 0.002),
        _level("in the place of the family name", Crossed("given", "family"), 0.015, 0.0005),
        _level("in the place of the middle name", Crossed("given", "middle_first"), 0.015, 0.002),
        _level(
            "sounds or begins alike",
            AnyOf((Similar("given", 0.85), All((Equal("given_sound"), Edits("given", 4, 2))), Begins("given"))),
            0.03,
            0.006,
        ),
        _level("another", None, 0.04, 0.981),
        frequency="given",
    ),
    _comparison(
        "family name",
        ["family"],
        _level("same, in the same house", All((Equal("family"), HOUSE)), 0.4, 0.00003),
        _level("same", Equal("family"), 0.44, 0.0015),
        _level("a slip of the hand away", AnyOf((Similar("family", 0.92), Edits("family", 1))), 0.07, 0.001),
        _level("in the place of the given name", Crossed("family", "given"), 0.015, 0.0005),
        _level("a word in common", Share("family_words"), 0.03, 0.0015),
        _level("sounds alike", AnyOf((Similar("family", 0.85), Equal("family_sound"))), 0.025, 0.003),
        _level("another", None, 0.07, 0.9925),
        frequency="family",
    ),
    _comparison(
        "middle name",
        ["middle"],
        _level("same", Equal("middle"), 0.75, 0.05),
        _level("the initial of the other", Initial("middle"), 0.1, 0.03),
        _level("another", None, 0.15, 0.92),
    ),
    _comparison(
        "birthday",
        ["birthday"],
        _level("same", Equal("birthday"), 0.85, 0.00006),
        _level(
            "a slip of the hand away", AnyOf((Crossed("birthday", "birth_swapped"), Edits("birthday", 1))), 0.06, 0.001
        ),
        _level("two of year, month and day", Parts(("birth_year", "birth_month", "birth_day"), 2), 0.03, 0.003),
        _level("the year, or two slips away", AnyOf((Equal("birth_year"), Edits("birthday", 2))), 0.025, 0.03),
        _level("another", None, 0.035, 0.96594),
        frequency="birthday",
    ),
    _comparison(
        "place",
        ["street", "postcode", "city"],
        _level("same house, said of the family name", All((Equal("family"), HOUSE)), 0.4, 0.4),
        _level("same house", HOUSE, 0.15, 0.00005),
        _level(
            "same street",
            All(
                (
                    AnyOf((Similar("street", 0.88), All((Equal("house"), Similar("street", 0.7))))),
                    AnyOf((Equal("postcode"), Edits("postcode", 1), Similar("city", 0.9))),
                )
            ),
            0.08,
            0.0003,
        ),
        _level(
            "same district",
            AnyOf((Equal("postcode"), All((Equal("house"), Similar("city", 0.9))), Equal("street"))),
            0.12,
            0.001,
        ),
        _level("same town", AnyOf((Edits("postcode", 1), Similar("city", 0.9))), 0.12, 0.012),
        _level("another", None, 0.13, 0.98665),
    ),
    _comparison(
        "generation", ["suffix"], _level("same", Equal("suffix"), 0.99, 0.5), _level("another", None, 0.01, 0.5)
    ),
    # The same address or number links by itself, unless it is generic: then it says nothing. So it is not counted here.
    _comparison(
        "e-mail",
        ["email"],
        _level("same, and it carries the name", All((Equal("email"), Equal("own_local"))), 0.3, 0.00005),
        _level("same, which links by itself", Equal("email"), 0.15, 0.15),
        _level("a slip of the hand away", All((Edits("email", 1), Equal("email_figures"))), 0.1, 0.0002),
        _level("a slip of the hand away, in a figure", Edits("email", 1), 0.02, 0.02),
        _level("made of the same name at another provider", Crossed("plain_local", "local"), 0.05, 0.05),
        _level(
            "same name at another provider",
            AnyOf((Equal("local"), All((Edits("local", 1, 5), Equal("email_figures"), Similar("domain", 0.85))))),
            0.08,
            0.003,
        ),
        _level("another", None, 0.35, 0.9967),
    ),
    _comparison(
        "telephone",
        ["phone"],
        _level("same, which links by itself", Equal("phone"), 0.6, 0.6),
        _level("a slip of the hand away", Edits("phone", 1, 9), 0.06, 0.0004),
        _level("another", None, 0.34, 0.9995),
    ),
    _comparison("gender", ["gender"], _level("same", Equal("gender"), 0.97, 0.5), _level("another", None, 0.03, 0.5)),
    _comparison(
        "birth place",
        ["birth_place"],
        _level("same", Equal("birth_place"), 0.7, 0.02),
        _level("alike", Similar("birth_place", 0.88), 0.12, 0.01),
        _level("another", None, 0.18, 0.97),
        frequency="birth_place",
    ),
    _comparison(
        "occupation",
        ["occupation"],
        _level("same", Equal("occupation"), 0.6, 0.05),
        _level("alike", Similar("occupation", 0.88), 0.1, 0.02),
        _level("another", None, 0.3, 0.93),
        frequency="occupation",
    ),
    _comparison(
        "organisation",
        ["organisation"],
        _level("same", Equal("organisation"), 0.6, 0.001),
        _level("alike", AnyOf((Similar("organisation", 0.92), Begins("organisation", 5))), 0.1, 0.001),
        _level("a word in common", Share("organisation_words"), 0.15, 0.015),
        _level("another", None, 0.15, 0.983),
        frequency="organisation",
    ),
    _comparison(
        "identifiers",
        ["identifiers"],
        _level("one in common", Share("identifiers"), 0.5, 0.0002),
        _level("none in common", None, 0.5, 0.5),
    ),
)


def frequencies() -> dict[str, Frequencies]:
    """How often values occur; `others` is for each that is not listed."""
    names = import_module("faker.providers.person.en_US").Provider
    families = {fold(name): round(share * LISTED_FAMILIES, 7) for name, share in names.last_names.items()}
    given: dict[str, float] = {}
    for listed in (names.first_names_female, names.first_names_male):
        for name, share in listed.items():
            given[fold(name)] = round(given.get(fold(name), 0) + share * LISTED_GIVEN, 7)
    return {
        "birthday": Frequencies(0.00006),
        "given": Frequencies(0.0003, given),
        "family": Frequencies(0.00008, families),
        "birth_place": Frequencies(0.01),
        "occupation": Frequencies(0.03),
        "organisation": Frequencies(0.0005),
    }


if __name__ == "__main__":
    FILE.write_bytes(dump(Model(COMPARISONS, frequencies(), AUTOMATIC, REVIEW)) + b"\n")
