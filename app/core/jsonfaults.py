"""What exactly is wrong with a JSON text: the careful look that app/core/strictjson.py takes only where it must.

Every pass is linear and none recurses. Details never quote what was sent; pointers hold keys, never values.
"""

import json
from collections.abc import Iterable
from typing import Any, TypeAlias

import orjson

from app.core.errors import Fault

MAX_DEPTH = 32
MIN_INTEGER = -(2**63)
MAX_INTEGER = 2**63 - 1
# A longer pointer says no more than a shorter one; keys can be megabytes.
MAX_POINTER = 1000

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

_BOM = b"\xef\xbb\xbf"


class _Pairs(list[tuple[str, Any]]):
    """An object as it was sent: its members in order, twice-given keys twice."""


class _OutOfRange:
    """An integer that does not fit 64 bits."""


def below(pointer: str, key: str | int) -> str:
    """The JSON pointer (RFC 6901) one step further down; stays where it is when it would grow too long."""
    step = key.replace("~", "~0").replace("/", "~1") if isinstance(key, str) else str(key)
    return f"{pointer}/{step}" if len(pointer) + len(step) < MAX_POINTER else pointer


def syntax_fault(body: bytes, error: orjson.JSONDecodeError) -> Fault:
    """Why orjson did not take the text, as a Fault."""
    if not body.strip():
        return Fault("", "empty", "There is no JSON here.")
    if body.startswith((_BOM, b"\xff\xfe", b"\xfe\xff")):
        return Fault("", "not_utf8", "Send UTF-8 without a byte order mark.")
    try:
        body.decode()
    except UnicodeDecodeError as broken:
        return Fault("", "not_utf8", f"Send UTF-8; the byte at offset {broken.start} is none.")
    if "surrogate" in error.msg:
        return Fault("", "lone_surrogate", f"Half a surrogate pair stands in a string{_at(error)}.")
    if "infinity" in error.msg:
        return Fault("", "number_out_of_range", f"A number is too large{_at(error)}.")
    return Fault("", "malformed", f"This is not JSON{_at(error)}.")


def depth_fault(pointer: str, max_depth: int) -> Fault:
    return Fault(pointer, "too_deep", f"Containers may stand at most {max_depth} deep inside one another.")


def is_deep(value: Json, max_depth: int) -> bool:
    """Whether more than `max_depth` containers stand inside one another."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(max_depth):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return False
    return bool(level)


def deep_fault(value: Json, max_depth: int) -> Fault:
    """A Fault that points at a container that stands too deep. Call where `is_deep`."""
    level: list[tuple[str, Json]] = [("", value)]
    for _ in range(max_depth):
        level = [
            (below(pointer, key), child)
            for pointer, parent in level
            for key, child in _children(parent)
            if isinstance(child, (dict, list))
        ]
    return depth_fault(level[0][0], max_depth)


def _children(parent: Json) -> Iterable[tuple[str | int, Json]]:
    if isinstance(parent, dict):
        return parent.items()
    return enumerate(parent) if isinstance(parent, list) else ()


def text_fault(body: bytes) -> Fault | None:
    """The first duplicate key, NUL or integer beyond 64 bits of a well-formed text, or None.

    The text is no deeper than MAX_DEPTH or so: the standard library's parser recurses.
    """
    sent = json.loads(body.decode(), object_pairs_hook=_Pairs, parse_int=_integer)
    waiting: list[tuple[str, Any]] = [("", sent)]
    while waiting:
        pointer, value = waiting.pop()
        if isinstance(value, _Pairs):
            if fault := _key_fault(pointer, value):
                return fault
            waiting.extend((below(pointer, key), child) for key, child in reversed(value))
        elif isinstance(value, list):
            waiting.extend((below(pointer, at), value[at]) for at in range(len(value) - 1, -1, -1))
        elif isinstance(value, str):
            if "\0" in value:
                return Fault(pointer, "nul_character", "A string holds the character NUL.")
        elif isinstance(value, _OutOfRange):
            return Fault(pointer, "number_out_of_range", "An integer does not fit 64 bits; send it as a string.")
    return None


def _key_fault(pointer: str, pairs: _Pairs) -> Fault | None:
    seen = set()
    for key, _ in pairs:
        if "\0" in key:
            return Fault(pointer, "nul_character", "A key holds the character NUL.")
        if key in seen:
            return Fault(below(pointer, key), "duplicate_key", "This key comes twice in its object.")
        seen.add(key)
    return None


def _integer(digits: str) -> int | _OutOfRange:
    number = int(digits)
    return number if MIN_INTEGER <= number <= MAX_INTEGER else _OutOfRange()


def _at(error: orjson.JSONDecodeError) -> str:
    return f" at line {error.lineno}, column {error.colno}"
