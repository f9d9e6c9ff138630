"""What a record is compared by: plain columns of text, derived from its traits. Pure, and never shown.

A column is text, or a tuple of texts; empty says nothing. Placeholders (`unknown`, `lady of the house`) and days of
birth that cannot be are nothing.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

from app.identity.matching import nicknames
from app.identity.matching.addresses import address
from app.identity.matching.organisations import organisation
from app.identity.matching.person_names import PersonName, person_name
from app.identity.matching.placeholders import known
from app.identity.matching.scripts import latin
from app.identity.matching.sounds import sound
from app.identity.normalize.name import fold

Texts = tuple[str, ...]

IDENTIFIERS: Final = "~identifiers"
"""Not a trait, which no trait can be called: the record's numbers and accounts, as `namespace:value`."""

TRAITS: Final = frozenset(
    "first_name last_name name middle_name middle_initial birthday address street street_address address_1 "
    "address_line1 postal_code zip city email phone gender birth_place title occupation company company_name "
    "organization organisation".split()
) | {IDENTIFIERS}
"""The traits that are read."""

YEARS: Final = ("1850", "2030")
"""The first and the last year that a birthday is believed in."""
CACHED: Final = 16_384


class Features(NamedTuple):
    """One record's columns. `given_forms` are the names that the given name is short for, and itself;
    `birth_swapped` is the birthday with day and month changed over; `street` has no blanks; `own_local` is the local
    part of an address that carries its bearer's name, `plain_local` the same if it has no figure in it; `email_figures`
    are the figures of an address, `-` if it has none: a slip seldom turns 1953 into 1959, but two people have two."""

    given: str = ""
    given_forms: Texts = ()
    given_sound: str = ""
    middle: str = ""
    middle_first: str = ""
    family: str = ""
    family_words: Texts = ()
    family_sound: str = ""
    birthday: str = ""
    birth_swapped: str = ""
    birth_year: str = ""
    birth_month: str = ""
    birth_day: str = ""
    house: str = ""
    street: str = ""
    street_name: str = ""
    postcode: str = ""
    city: str = ""
    email: str = ""
    local: str = ""
    domain: str = ""
    phone: str = ""
    gender: str = ""
    birth_place: str = ""
    occupation: str = ""
    organisation: str = ""
    identifiers: Texts = ()
    suffix: str = ""
    own_local: str = ""
    plain_local: str = ""
    organisation_words: Texts = ()
    email_figures: str = ""


NOTHING: Final = Features()
_PLACES: Final = {name: place for place, name in enumerate(Features._fields)}
_LISTS: Final = tuple(_PLACES[name] for name in ("given_forms", "family_words", "identifiers", "organisation_words"))


def features(traits: Mapping[str, Any]) -> Features:
    """The columns of a record, from its canonical traits."""
    name = known(person_name(_text(traits, "first_name"), _text(traits, "last_name"), _text(traits, "name")))
    middle = name.middle or _words(_text(traits, "middle_name") or _text(traits, "middle_initial"))
    birthday = _birthday(_text(traits, "birthday"))
    place = _place(traits)
    email = _text(traits, "email")
    local, _, domain = email.rpartition("@")
    own = local if _carries(local, name) else ""
    run = name.family.replace(" ", "")
    firm = organisation(_organisation(traits))
    return Features(
        name.given,
        tuple(sorted(nicknames.forms(name.given))) if name.given else (),
        sound(name.given),
        middle,
        middle.partition(" ")[0],
        name.family,
        tuple(word for word in name.family.split() if len(word) > 2),
        sound(run),
        birthday,
        f"{birthday[:5]}{birthday[8:]}-{birthday[5:7]}" if birthday else "",
        birthday[:4],
        birthday[5:7],
        birthday[8:],
        place.house,
        place.street.replace(" ", ""),
        place.name,
        "".join(c for c in _words(place.postcode) if c.isalnum()),
        _words(place.city),
        email,
        local,
        domain,
        _text(traits, "phone").partition(";")[0],
        _text(traits, "gender"),
        _words(_text(traits, "birth_place")),
        _words(_text(traits, "occupation") or _text(traits, "title")),
        firm,
        tuple(traits.get(IDENTIFIERS, ())),
        name.suffix,
        own,
        "" if any(c.isdigit() for c in own) else own,
        tuple(sorted({word for word in firm.split() if len(word) > 2})),
        "".join(c for c in email if c.isdigit()) or "-" if email else "",
    )


def dump(features: Features) -> bytes:
    """The columns that say something, by name: a column that is added later is empty in what was kept before."""
    return orjson.dumps({name: said for name, said in zip(Features._fields, features, strict=True) if said})


def load(blob: bytes) -> Features:
    held: dict[str, Any] = orjson.loads(blob)
    said = list(NOTHING)
    for name, value in held.items():
        place = _PLACES.get(name)
        if place is not None:
            said[place] = tuple(value) if place in _LISTS else value
    return Features._make(said)


class _Place(NamedTuple):
    house: str
    street: str
    name: str
    postcode: str
    city: str


def _place(traits: Mapping[str, Any]) -> _Place:
    """Where somebody lives: an address in one object, or its parts in traits of their own."""
    held = traits.get("address")
    parts: Mapping[str, Any] = held if isinstance(held, Mapping) else {}
    line = held if isinstance(held, str) else ""
    for source in (parts, traits):
        line = line or next(
            filter(None, (_text(source, name) for name in ("street", "street_address", "address_1", "address_line1"))),
            "",
        )
    read = address(line) if line else address("")
    return _Place(
        read.house,
        read.street,
        read.name,
        _text(parts, "postal_code") or _text(parts, "zip") or _text(traits, "postal_code") or _text(traits, "zip"),
        _text(parts, "city") or _text(traits, "city"),
    )


def _organisation(traits: Mapping[str, Any]) -> str:
    held = traits.get("company")
    if isinstance(held, Mapping):
        return _text(held, "name")
    names = ("company", "company_name", "organization", "organisation")
    return next(filter(None, (_text(traits, name) for name in names)), "")


@lru_cache(CACHED)
def _birthday(day: str) -> str:
    """An ISO day on which somebody who is alive can have been born: a year that has not come is a slip."""
    return day if len(day) == 10 and YEARS[0] <= day[:4] <= YEARS[1] else ""


def _carries(local: str, name: PersonName) -> bool:
    """Whether the local part of an address holds one of its bearer's names: such an address is nobody else's."""
    return any(len(part) > 2 and part in local for part in (name.given, name.family.replace(" ", "")))


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _words(text: str) -> str:
    return latin(fold(text)) if text else ""
