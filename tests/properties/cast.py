"""The cast: a few people as several systems write them down, and by hand which ways of writing can be one person.

Households, namesakes, nicknames, swapped names and slips of the hand. What can
be one is not transitive: Anne may be Ann, and Ann may be Nancy, but Anne is not.
"""

from dataclasses import dataclass

HOME, WORK = "+493012345601", "+493012345602"
FAMILY, SHOP = "family@mail.example", "shop@mail.example"


@dataclass(frozen=True)
class Person:
    """How the world writes one person; the first of each is right."""

    names: tuple[tuple[str, str], ...]
    birthdays: tuple[str, ...]
    emails: tuple[str, ...]
    phones: tuple[str, ...]
    city: str
    zip: str


CAST = (
    Person(
        (("Ann", "Weber"), ("Anne", "Weber"), ("Weber", "Ann"), ("Nancy", "Weber"), ("ÁNN", "weber")),
        ("1980-05-24", "1980-05-13"),
        ("ann@mail.example", FAMILY),
        (HOME,),
        "Berlin",
        "10115",
    ),
    Person((("Carla", "Weber"),), ("1952-11-03", "1952-03-11"), (FAMILY,), (HOME,), "Berlin", "10115"),
    Person(
        (("Robert", "Lee"), ("Bob", "Lee"), ("Robrt", "Lee"), ("Lee", "Robert")),
        ("1975-01-12", "1957-01-12"),
        ("bob@mail.example", SHOP),
        (WORK,),
        "Leeds",
        "20095",
    ),
    # The namesake of the first, born as late as a slip of her slip.
    Person((("Ann", "Weber"), ("Ann", "Lee")), ("1999-08-30", "1980-07-17"), (SHOP,), (WORK, HOME), "Leeds", "20095"),
)

FIRST_NAMES = sorted({first for person in CAST for first, _ in person.names})
LAST_NAMES = sorted({last for person in CAST for _, last in person.names})
BIRTHDAYS = sorted({day for person in CAST for day in person.birthdays})

ONE_NAME = [{"ann", "anne"}, {"ann", "nancy"}, {"robert", "bob"}, {"robert", "robrt"}]
ONE_DAY = [
    {"1980-05-24", "1980-05-13"},
    {"1980-05-13", "1980-07-17"},
    {"1952-11-03", "1952-03-11"},
    {"1975-01-12", "1957-01-12"},
]


def written(name: str) -> str:
    return name.lower().replace("á", "a")


def one_first_name(one: str, other: str) -> bool:
    return one == other or {one, other} in ONE_NAME


def one_name(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether (first, family) of two records can be one person's, swapped ones included."""
    if one_first_name(one[0], other[0]):
        return True
    for (first, family), (given, last) in ((one, other), (other, one)):
        if family and last and first == last and one_first_name(family, given):
            return True
    return False


def one_day(one: str, other: str) -> bool:
    return one == other or {one, other} in ONE_DAY
