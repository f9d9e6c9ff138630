"""Parquet values as JSON: times as ISO 8601 text to their last digit, decimals exact, bytes as base64."""

import base64
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

import pyarrow as pa
from pyarrow import types

from app.core.errors import Refused
from app.domain.claims import Json

MAX_NESTING = 16

Convert: TypeAlias = Callable[[Any], Json]
"""From what pyarrow makes of a value to JSON. Never called with None. Raises ValueError for what JSON cannot say."""

_PLAIN = (types.is_null, types.is_boolean, types.is_integer, types.is_string, types.is_large_string)
_BYTES = (types.is_binary, types.is_large_binary, types.is_fixed_size_binary)
_LISTS = (types.is_list, types.is_large_list, types.is_fixed_size_list)


def as_text(kind: pa.DataType, depth: int = 0) -> pa.DataType:
    """The type to cast a column to: the same, with text in place of times, which Python would cut to microseconds.

    Raises Refused for a type that is not read.
    """
    if depth > MAX_NESTING:
        raise Refused(f"it nests more than {MAX_NESTING} deep", code="unsupported_type")
    if types.is_dictionary(kind):
        return as_text(kind.value_type, depth + 1)
    if types.is_timestamp(kind) or types.is_date(kind) or types.is_time(kind):
        return pa.string()
    if types.is_struct(kind):
        fields = [kind.field(at) for at in range(kind.num_fields)]
        return pa.struct([each.with_type(as_text(each.type, depth + 1)) for each in fields])
    if types.is_map(kind):
        return pa.map_(as_text(kind.key_type, depth + 1), as_text(kind.item_type, depth + 1))
    if any(test(kind) for test in _LISTS):
        return pa.list_(as_text(kind.value_type, depth + 1))
    if types.is_decimal(kind) or types.is_floating(kind) or any(test(kind) for test in (*_PLAIN, *_BYTES)):
        return kind
    raise Refused(f"its type {kind} is not read", code="unsupported_type")


def in_utc(kind: pa.DataType) -> pa.DataType:
    """The type with every zone replaced by UTC: the same instants, written without a look into a zone database."""
    if types.is_timestamp(kind) and kind.tz is not None:
        return pa.timestamp(kind.unit, "UTC")
    if types.is_struct(kind):
        return pa.struct([each.with_type(in_utc(each.type)) for each in map(kind.field, range(kind.num_fields))])
    if types.is_map(kind):
        return pa.map_(in_utc(kind.key_type), in_utc(kind.item_type))
    if any(test(kind) for test in _LISTS):
        return pa.list_(in_utc(kind.value_type))
    return in_utc(kind.value_type) if types.is_dictionary(kind) else kind


def converter(kind: pa.DataType) -> Convert | None:
    """How values of a column's own type become JSON after the cast; None where they are JSON already."""
    if types.is_dictionary(kind):
        return converter(kind.value_type)
    if types.is_timestamp(kind):
        return _timestamp
    if types.is_decimal(kind):
        return _decimal
    if types.is_floating(kind):
        return _float
    if any(test(kind) for test in _BYTES):
        return lambda value: base64.b64encode(value).decode("ascii")
    if types.is_struct(kind):
        inner = {kind.field(at).name: converter(kind.field(at).type) for at in range(kind.num_fields)}
        return lambda value: said({name: convert(each, inner[name]) for name, each in value.items()})
    if types.is_map(kind):
        of_value = converter(kind.item_type)
        return lambda value: said({str(key): convert(each, of_value) for key, each in value})
    if any(test(kind) for test in _LISTS):
        of_item = converter(kind.value_type)
        return lambda value: [convert(each, of_item) for each in value]
    return None


def convert(value: Any, by: Convert | None) -> Json:
    return value if value is None or by is None else by(value)


def said(row: dict[str, Json]) -> dict[str, Json]:
    """Without the nulls: in a table an empty cell says nothing."""
    return {name: value for name, value in row.items() if value is not None}


def _timestamp(text: str) -> str:
    if text.startswith("<"):
        raise ValueError("a time out of range")
    return text.replace(" ", "T", 1)


def _decimal(value: Decimal) -> Json:
    """A number where a double has the very value, else text."""
    if value == value.to_integral_value() and abs(value) < 2**53:
        return int(value)
    near = float(value)
    return near if Decimal(repr(near)) == value else str(value)


def _float(value: float) -> Json:
    if math.isnan(value):
        return None
    if math.isinf(value):
        raise ValueError("an infinite number")
    return value
