"""When two records agree on something: a closed set of conditions over columns, each in Python and in DuckDB's SQL.

Both say the same of every pair: rapidfuzz and DuckDB agree on Jaro-Winkler and on Damerau-Levenshtein (unrestricted) of
UTF-8 bytes, as DuckDB compares them; lengths are of code points. A condition about an empty column is false. In SQL the
sides are `l` and `r`, with a column of the same name for each of `Features`; lists are `VARCHAR[]`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias, assert_never

from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler

from app.identity.matching.features import Features

Test: TypeAlias = Callable[[Any, Any], bool]
"""Of two `Features`; untyped, for it reaches into them by place."""
CACHED: Final = 262_144
_PLACES: Final[Mapping[str, int]] = {name: place for place, name in enumerate(Features._fields)}


def _at_least_one(length: int) -> None:
    if length < 1:
        raise ValueError("A condition is about texts of at least one character.")


@dataclass(frozen=True, slots=True)
class Equal:
    """The column is the same on both sides."""

    column: str


@dataclass(frozen=True, slots=True)
class Similar:
    """Jaro-Winkler similarity of at least `least` (0 to 1)."""

    column: str
    least: float


@dataclass(frozen=True, slots=True)
class Edits:
    """At most `most` slips of the hand (inserted, lost, wrong or swapped characters) in texts of at least `length`."""

    column: str
    most: int
    length: int = 4

    def __post_init__(self) -> None:
        _at_least_one(self.length)


@dataclass(frozen=True, slots=True)
class Initial:
    """One side is a single letter, with which the other begins."""

    column: str


@dataclass(frozen=True, slots=True)
class Begins:
    """One side begins with the other, which has at least `length` characters."""

    column: str
    length: int = 2

    def __post_init__(self) -> None:
        _at_least_one(self.length)


@dataclass(frozen=True, slots=True)
class Crossed:
    """What one side has in `column` the other has in `other`."""

    column: str
    other: str


@dataclass(frozen=True, slots=True)
class Share:
    """Two lists have an element in common."""

    column: str


@dataclass(frozen=True, slots=True)
class Parts:
    """At least `least` of the columns are the same."""

    columns: tuple[str, ...]
    least: int


@dataclass(frozen=True, slots=True)
class All:
    of: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    of: tuple["Condition", ...]


Condition: TypeAlias = Equal | Similar | Edits | Initial | Begins | Crossed | Share | Parts | All | AnyOf


@lru_cache(CACHED)
def _similarity(one: str, other: str) -> float:
    return JaroWinkler.similarity(_bytes(one), _bytes(other))


@lru_cache(CACHED)
def _edits(one: str, other: str, most: int) -> int:
    return DamerauLevenshtein.distance(_bytes(one), _bytes(other), score_cutoff=most)


def _bytes(text: str) -> str | bytes:
    """ASCII is its own bytes, and rapidfuzz takes either."""
    return text if text.isascii() else text.encode("utf-8", "surrogatepass")


def test(condition: Condition) -> Test:
    """The condition as a function of two records. Symmetric."""
    match condition:
        case Equal(column):
            at = _PLACES[column]
            return lambda a, b: a[at] == b[at] and bool(a[at])
        case Similar(column, least):
            at = _PLACES[column]
            # In one order, so that both ways give the very same float.
            return lambda a, b: bool(a[at] and b[at]) and _similarity(*sorted((a[at], b[at]))) >= least
        case Edits(column, most, length):
            return _within(_PLACES[column], most, length)
        case Initial(column):
            at = _PLACES[column]
            return lambda a, b: bool(a[at] and b[at]) and 1 in (len(a[at]), len(b[at])) and a[at][0] == b[at][0]
        case Begins(column, length):
            at = _PLACES[column]
            return lambda a, b: (
                min(len(a[at]), len(b[at])) >= length and (a[at].startswith(b[at]) or b[at].startswith(a[at]))
            )
        case Crossed(column, other):
            at, there = _PLACES[column], _PLACES[other]
            return lambda a, b: bool(a[at] and a[at] == b[there]) or bool(b[at] and b[at] == a[there])
        case Share(column):
            at = _PLACES[column]
            return lambda a, b: bool(a[at]) and not set(a[at]).isdisjoint(b[at])
        case Parts(columns, least):
            places = [_PLACES[column] for column in columns]
            return lambda a, b: sum(bool(a[at]) and a[at] == b[at] for at in places) >= least
        case All(of):
            tests = [test(each) for each in of]
            return lambda a, b: all(holds(a, b) for holds in tests)
        case AnyOf(of):
            tests = [test(each) for each in of]
            return lambda a, b: any(holds(a, b) for holds in tests)
    assert_never(condition)


def _within(at: int, most: int, length: int) -> Test:
    def within(a: Any, b: Any) -> bool:
        one, other = a[at], b[at]
        return (
            len(one) >= length <= len(other)
            and abs(len(one) - len(other)) <= most
            and (_edits(one, other, most) if one < other else _edits(other, one, most)) <= most
        )

    return within


def sql(condition: Condition) -> str:
    """The condition in DuckDB's SQL; never NULL."""
    match condition:
        case Equal(c):
            return f"(l.{c} = r.{c} AND l.{c} <> '')"
        case Similar(c, least):
            pair = f"least(l.{c}, r.{c}), greatest(l.{c}, r.{c})"  # in one order, as above
            return f"(l.{c} <> '' AND r.{c} <> '' AND jaro_winkler_similarity({pair}) >= {least!r})"
        case Edits(c, most, length):
            return (
                f"(least(length(l.{c}), length(r.{c})) >= {length} AND abs(length(l.{c}) - length(r.{c})) <= {most}"
                # A swap is two edits of Levenshtein's, which is ten times faster and rules nearly all out.
                f" AND CASE WHEN levenshtein(l.{c}, r.{c}) <= {2 * most}"
                f" THEN damerau_levenshtein(l.{c}, r.{c}) <= {most} ELSE FALSE END)"
            )
        case Initial(c):
            return f"(least(length(l.{c}), length(r.{c})) = 1 AND left(l.{c}, 1) = left(r.{c}, 1))"
        case Begins(c, length):
            return (
                f"(least(length(l.{c}), length(r.{c})) >= {length}"
                f" AND (starts_with(l.{c}, r.{c}) OR starts_with(r.{c}, l.{c})))"
            )
        case Crossed(c, o):
            return f"((l.{c} <> '' AND l.{c} = r.{o}) OR (r.{c} <> '' AND r.{c} = l.{o}))"
        case Share(c):
            return f"list_has_any(l.{c}, r.{c})"
        case Parts(columns, least):
            same = " + ".join(f"CAST(l.{c} = r.{c} AND l.{c} <> '' AS INTEGER)" for c in columns)
            return f"(({same}) >= {least})"
        case All(of):
            return f"({' AND '.join(map(sql, of))})"
        case AnyOf(of):
            return f"({' OR '.join(map(sql, of))})"
    assert_never(condition)


_KINDS: Final[Mapping[str, Callable[..., Any]]] = {
    "equal": Equal,
    "similar": Similar,
    "edits": Edits,
    "initial": Initial,
    "begins": Begins,
    "crossed": Crossed,
    "share": Share,
    "parts": Parts,
    "all": All,
    "any": AnyOf,
}
_NAMES: Final[Mapping[Any, str]] = {kind: name for name, kind in _KINDS.items()}


def to_json(condition: Condition) -> dict[str, Any]:
    """`{"similar": ["given", 0.92]}`: the kind, and its fields in order."""
    name = _NAMES[type(condition)]
    if isinstance(condition, All | AnyOf):
        return {name: [to_json(each) for each in condition.of]}
    fields = [getattr(condition, field) for field in condition.__dataclass_fields__]
    return {name: [list(field) if isinstance(field, tuple) else field for field in fields]}


def from_json(said: Mapping[str, Any]) -> Condition:
    """The condition that `to_json` wrote. Raises ValueError for anything else."""
    try:
        ((name, fields),) = said.items()
        if name in ("all", "any"):
            both: Condition = _KINDS[name](tuple(from_json(each) for each in fields))
            return both
        made: Condition = _KINDS[name](*(tuple(field) if isinstance(field, list) else field for field in fields))
        known = _columns(made) <= _PLACES.keys()
    except (KeyError, TypeError, AttributeError, ValueError) as wrong:
        raise ValueError(f"This is no condition of a model: {said!r:.80}") from wrong
    if not known:
        raise ValueError(f"A condition names a column that there is not: {said!r:.80}")
    return made


def _columns(made: Any) -> set[str]:
    return set(made.columns) if isinstance(made, Parts) else {made.column, getattr(made, "other", made.column)}
