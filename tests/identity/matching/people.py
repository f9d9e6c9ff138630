"""Records for comparing, made by hypothesis: few values, so that they often agree, and their slips."""

from datetime import date
from random import Random
from typing import Any

from hypothesis import strategies as st

from app.identity.matching.features import IDENTIFIERS, Features, features

GIVEN = (
    "Robert",
    "Bob",
    "Rob",
    "Roberta",
    "Ann",
    "Anna",
    "Mary Ann",
    "Иван",
    "Ivan",
    "R",
    "Kathryn",
    "Catherine",
    "Mrs",
)
FAMILY = ("Smith", "Smyth", "Smith Jr", "van der Berg", "Berg", "Müller", "Mueller", "Robert", "O'Hara", "Unknown")
STREETS = ("12 Main Street", "12 Main St.", "14 Main Street", "Hauptstraße 5", "Apt 3, 12 Main Street", "")
EMAILS = (
    "bob.smith@example.com", "bob.smith@example.org", "bobsmith1953@example.com", "bobsmith1959@example.com",
    "info@example.com", "b@x.example", "bop.smith@example.com",
)  # fmt: skip
DAYS = ("1971-05-24", "1971-05-25", "1971-12-11", "1971-11-12", "1981-05-24", "2031-01-01", "n/a")

_CHOICES: dict[str, tuple[Any, ...]] = {
    "first_name": GIVEN,
    "last_name": FAMILY,
    "middle_name": ("J", "James", "Q"),
    "birthday": DAYS,
    "street": STREETS,
    "postal_code": ("1000", "1001", "AB1 2CD"),
    "city": ("Berlin", "Brelin", "Wien"),
    "email": EMAILS,
    "phone": ("+4930123456", "+4930123465", "+4930999999"),
    "gender": ("female", "male"),
    "birth_place": ("Devon", "Devonshire"),
    "occupation": ("politician", "polititian", "baker"),
    "company": ("Acme Ltd", "ACME Trading", "Foo Bar"),
    IDENTIFIERS: (("card:1",), ("card:2",), ("card:1", "tax:9")),
}

traits = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in _CHOICES.items()})
records = traits.map(features)

letters = st.text(alphabet="abé 1-ß", max_size=6)
raw_records = st.builds(
    Features,
    **{
        name: st.lists(letters, max_size=3).map(tuple) if kind == tuple[str, ...] else letters
        for name, kind in Features.__annotations__.items()
    },
)
"""Columns of any text, whether or not a record could have them."""


def crowd(many: int, seed: int) -> list[Features]:
    """So many records of the choices above, each trait there in three of four, and a day of birth of its own."""
    drawn = Random(seed)
    return [
        features(
            {name: drawn.choice(values) for name, values in _CHOICES.items() if drawn.random() < 3 / 4}
            | {"birthday": date(1950 + drawn.randrange(40), 1 + drawn.randrange(12), 1).isoformat()}
        )
        for _ in range(many)
    ]
