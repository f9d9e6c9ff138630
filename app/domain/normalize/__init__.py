"""Canonical values of traits, by type: pure, deterministic, idempotent and total.

`normalize` answers a `Normal` value or `Unreadable` with a code; it raises for no value.
The caller keeps the raw value of what is unreadable, so nothing is ever lost and nothing guessed.
"""

from collections.abc import Callable, Mapping
from typing import Final

from app.domain.normalize.countries import country
from app.domain.normalize.dates import normal_date, normal_datetime
from app.domain.normalize.inferred import BOTTOM, infer, join
from app.domain.normalize.locales import locale, timezone
from app.domain.normalize.money import money
from app.domain.normalize.numbers import integer, number
from app.domain.normalize.personal import email_address, personal_name, phone_number
from app.domain.normalize.result import Declarations, Json, Normal, Result, Unreadable
from app.domain.normalize.text import any_json, mapping, sequence, string, url
from app.domain.normalize.units import measure
from app.domain.normalize.words import boolean, gender

__all__ = [
    "BOTTOM",
    "TYPES",
    "Declarations",
    "Json",
    "Normal",
    "Result",
    "Unreadable",
    "infer",
    "join",
    "normalize",
    "warm",
]

_BY_TYPE: Final[Mapping[str, Callable[[Json, Declarations], Result]]] = {
    "string": string,
    "text": string,
    "email": email_address,
    "phone": phone_number,
    "name": personal_name,
    "date": normal_date,
    "datetime": normal_datetime,
    "country": country,
    "integer": integer,
    "number": number,
    "boolean": boolean,
    "money": money,
    "measure": measure,
    "url": url,
    "locale": locale,
    "timezone": timezone,
    "list": sequence,
    "object": mapping,
    "json": any_json,
    "gender": gender,
}
TYPES: Final = frozenset(_BY_TYPE)


def warm() -> None:
    """Build the tables that a first look-up would otherwise wait for (0.2 s): names of countries, zones, months."""
    for type, word in (
        ("country", "?"),
        ("timezone", "?"),
        ("locale", "en"),
        ("date", "3 March 1990"),
        ("money", "5 EUR"),
    ):
        normalize(type, word, Declarations())


def normalize(type: str, raw: Json, declared: Declarations) -> Result:
    """The canonical value of `raw` as a `type`; an unknown type takes nothing (`unknown_type`)."""
    by_type = _BY_TYPE.get(type)
    if by_type is None:
        return Unreadable("unknown_type", "There is no such type of trait.")
    return by_type(raw, declared)
