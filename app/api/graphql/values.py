"""Trait values as GraphQL values: each type of the catalog has its GraphQL type, and every value fits it or is null."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

from app.domain.claims import Json
from app.domain.normalize import Declarations, Normal, normalize

MAX_LONG = 2**63 - 1
_UNDECLARED = Declarations()


def _whole(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_LONG:
        return value
    raise GraphQLError("A Long is a whole number of at most 63 bits.")


def _text(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, str):
        return value
    raise GraphQLError("A date or an instant is a text in ISO 8601.")


Long = NewType("Long", int)
Date = NewType("Date", str)
DateTime = NewType("DateTime", str)
SCALARS: Mapping[object, ScalarDefinition] = {
    Long: strawberry.scalar(
        name="Long", description="A whole number of up to 63 bits.", serialize=_whole, parse_value=_whole
    ),
    Date: strawberry.scalar(name="Date", description="A day, ISO 8601.", serialize=_text, parse_value=_text),
    DateTime: strawberry.scalar(
        name="DateTime",
        description="An instant in ISO 8601, or the day where its source gave no time of day.",
        serialize=_text,
        parse_value=_text,
    ),
}


@strawberry.type(description="An amount of money in the minor units of its currency: 1234 EUR is 12.34 euros.")
class Money:
    amount: Long
    currency: str


@strawberry.type(description="A number with its unit, as it was sent.")
class Measure:
    value: float
    unit: str


def _string(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _boolean(value: Json) -> bool | None:
    return value if isinstance(value, bool) else None


def _long(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_LONG else None


def _float(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _money(value: Json) -> Money | None:
    match value:
        case {"amount": int(amount), "currency": str(currency)} if not isinstance(amount, bool):
            return Money(amount=Long(amount), currency=currency)
    return None


def _measure(value: Json) -> Measure | None:
    match value:
        case {"value": int() | float() as number, "unit": str(unit)} if not isinstance(number, bool):
            return Measure(value=float(number), unit=unit)
    return None


def _list(value: Json) -> list[Any] | None:
    return value if isinstance(value, list) else None


def _any(value: Json) -> Json:
    return value


Fitted = Callable[[Json], Any]
# Trait type to GraphQL type, and what makes a stored value one of it (None: it is none).
_KINDS: Mapping[str, tuple[Any, Fitted]] = {
    "integer": (Long, _long),
    "number": (float, _float),
    "boolean": (bool, _boolean),
    "date": (Date, _string),
    "datetime": (DateTime, _string),
    "money": (Money, _money),
    "measure": (Measure, _measure),
    "list": (list[JSON | None], _list),
    "object": (JSON, _any),
    "json": (JSON, _any),
}
_STRING: tuple[Any, Fitted] = (str, _string)


def graphql_type(trait_type: str) -> Any:
    return _KINDS.get(trait_type, _STRING)[0]


def reader(trait_type: str) -> Fitted:
    """What turns a stored value into a value of the trait's GraphQL type, whatever was stored; null if nothing does.

    A trait that registered itself keeps its values raw, and one whose type was changed still holds those of before.
    """
    fitted = _KINDS.get(trait_type, _STRING)[1]

    def read(value: Json) -> Any:
        if value is None:
            return None
        found = fitted(value)
        if found is not None:
            return found
        normal = normalize(trait_type, value, _UNDECLARED)
        return fitted(normal.value) if isinstance(normal, Normal) else None

    return read
