"""The type of a trait that nobody declared, from the values it shows.

The types form a join-semilattice: `null` below everything, `integer` below `number`,
`json` above everything. So the type in the catalog is the join of what arrived, in
whatever order it arrived.
"""

import math
from typing import Final

from app.domain.normalize.dates import is_instant
from app.domain.normalize.numbers import LIMIT
from app.domain.normalize.result import Json
from app.domain.normalize.text import flat

BOTTOM: Final = "null"
"""The type of no value at all; it registers nothing."""
TOP: Final = "json"


def infer(raw: Json) -> str:
    """The narrowest type that takes this value as it is: never one that would change what was sent for good."""
    match raw:
        case None:
            return BOTTOM
        case bool():
            return "boolean"
        case int():
            return "integer" if -LIMIT <= raw <= LIMIT else TOP
        case float():
            return "number" if math.isfinite(raw) and abs(raw) <= LIMIT else TOP
        case str():
            return "datetime" if is_instant(raw) else "string"
        case list():
            return "list" if flat(raw) else TOP
        case dict():
            return "object"
        case _:
            return TOP


def join(a: str, b: str) -> str:
    """The narrowest type that takes the values of both: associative, commutative, idempotent."""
    if a == b or b == BOTTOM:
        return a
    if a == BOTTOM:
        return b
    return "number" if {a, b} == {"integer", "number"} else TOP
