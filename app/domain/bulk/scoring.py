"""A model as SQL: the score of two records, the very sum that the online scorer makes, in the same order."""

import math
from collections.abc import Iterator
from typing import Final

from app.identity.matching.conditions import sql
from app.identity.matching.features import Features
from app.identity.matching.model import Comparison, Model
from app.identity.matching.scorer import LEAST_FREQUENCY

LISTS: Final = frozenset(name for name, empty in zip(Features._fields, Features(), strict=True) if empty == ())
"""Columns that are lists of texts."""


def score(model: Model) -> str:
    """The score of the rows `l` and `r` of `compared`, in log2 Bayes factors."""
    total = "CAST(0 AS DOUBLE)"
    for number, comparison in enumerate(model.comparisons):
        total = f"({total} + {_part(number, comparison, is_weighed(model, comparison))})"
    return total


def compared(model: Model) -> str:
    """The query of `compared`: `features` with what each value weighs, from `weights`."""
    columns, joins = ["f.*"], []
    for number, comparison in enumerate(model.comparisons):
        if is_weighed(model, comparison):
            others = _number(_weight(model, comparison, None))
            columns.append(f"coalesce(w{number}.bits, {others}) AS w{number}")
            same = f"w{number}.comparison = {number} AND w{number}.value = f.{comparison.frequency}"
            joins.append(f"LEFT JOIN weights w{number} ON {same}")
    return f"SELECT {', '.join(columns)} FROM features f {' '.join(joins)}"


def weights(model: Model) -> Iterator[tuple[int, str, float]]:
    """(number of the comparison, value, bits) of every value whose frequency the model knows."""
    for number, comparison in enumerate(model.comparisons):
        if is_weighed(model, comparison):
            for value in model.frequencies[comparison.frequency or ""].values:
                yield number, value, _weight(model, comparison, value)


def is_weighed(model: Model, comparison: Comparison) -> bool:
    """Whether a value's frequency weighs one of its levels."""
    return comparison.frequency in model.frequencies and comparison.frequency not in LISTS


def _weight(model: Model, comparison: Comparison, value: str | None) -> float:
    assert comparison.weighed is not None, comparison.name
    known = model.frequencies[comparison.frequency or ""]
    often = known.others if value is None else known.of(value)
    return math.log2(comparison.levels[comparison.weighed].m / max(often, LEAST_FREQUENCY))


def _part(number: int, comparison: Comparison, weighed: bool) -> str:
    said = [f"WHEN NOT ({' OR '.join(map(_present, comparison.present))}) THEN {_number(0.0)}"]
    for place, level in enumerate(comparison.levels):
        bits = f"l.w{number}" if weighed and place == comparison.weighed else _number(level.bits)
        said.append(f"ELSE {bits}" if level.when is None else f"WHEN {sql(level.when)} THEN {bits}")
    return f"CASE {' '.join(said)} END"


def _present(column: str) -> str:
    if column in LISTS:
        return f"(len(l.{column}) > 0 AND len(r.{column}) > 0)"
    return f"(l.{column} <> '' AND r.{column} <> '')"


def _number(value: float) -> str:
    # A bare literal would be a DECIMAL, and its last digits another number's.
    return f"CAST('{value!r}' AS DOUBLE)"
