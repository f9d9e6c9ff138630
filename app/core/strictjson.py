"""Strict JSON (RFC 8259, and I-JSON's RFC 7493 where the two differ), fast enough to stand in front of everything.

Taken: UTF-8 without a byte order mark; at most 32 containers inside one another; every key once per object; no NUL and
no lone surrogate in a string; integers from -2**63 to 2**63-1; other numbers as the nearest IEEE double, which keeps 15
significant digits and must be finite (1e400 is refused, 1e-400 is 0). Everything else is refused with a Fault.

How it stays fast: orjson does the parsing, and counts at the speed of memchr stand in for a look at every value. They
may suspect what is in order, but they never miss what is not, and only what they suspect is looked at one value at a
time (app/core/jsonfaults.py).

* Keys: count the quotes that no backslash stands before, in the text as sent and in the text of what was parsed. A key
  that came twice is missing in the second, and with it one quote at least. No other string has more quotes there.
* NUL: it is sent as an escape.
* Integers: only a run of 19 digits can leave 64 bits. Depth: only a text with 33 containers can be 33 deep.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec
import orjson

from app.core.errors import Fault, Refused, TooLarge
from app.core.jsonfaults import (
    MAX_DEPTH,
    MAX_INTEGER,
    MIN_INTEGER,
    Json,
    below,
    deep_fault,
    depth_fault,
    is_deep,
    syntax_fault,
    text_fault,
)

__all__ = ["MAX_DEPTH", "Items", "Json", "Line", "parse", "parse_lines", "split"]

# Isolating the broken items of a batch costs 64 bytes for each item, and an item needs a comma. Past this many commas
# a batch with a broken item is refused whole.
MAX_ISOLATED = 1_000_000

_NOT_BRACKETS = bytes(c for c in range(256) if c not in b"[]{}")
_DIGITS_TO_ZERO = bytes(ord("0") if c in b"0123456789" else c for c in range(256))
_LONG_INTEGER = b"0" * 19
_INTEGER = re.compile(rb"(?:^|[\[:,\s])(-?[0-9]{19,}+)(?![.eE])")
# The backslash of a surrogate escape, where no backslash is escaped.
_SURROGATE = re.compile(rb"\\(?=u[dD][89a-fA-F])")
_NEVER_UTF8 = tuple(bytes([byte]) for byte in range(0xF8, 0x100))
_SPACE = b" \t\r"

_array = msgspec.json.Decoder(list[msgspec.Raw])
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])

Line: TypeAlias = tuple[int, bytes, Json | Fault]
"""Line number from 1, the line as it was sent without the space around it, its value or what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a batch: `raws[i]` is word for word what was sent, `values[i]` its value or what is wrong with it.

    `outer` holds the other members of the object around the batch. Pointers of faults start at the item.
    """

    raws: list[bytes]
    values: list[Json | Fault]
    outer: dict[str, Json] = field(default_factory=dict)


def parse(body: bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH) -> Json:
    """The value of one JSON text. Raises TooLarge, or Refused with one fault."""
    _limit(body, max_bytes)
    value = _judged(body, max_depth)
    if isinstance(value, Fault):
        raise _refused(value)
    return value


def split(body: bytes, *, key: str, max_bytes: int, max_items: int, max_depth: int = MAX_DEPTH) -> Items:
    """The items of a batch: a JSON array, or an object whose member `key` is one.

    An item that breaks a rule becomes a Fault and takes no other item along. Raises TooLarge, or Refused when the body
    is no batch at all: its syntax is broken, its outer members break a rule, or it nests a thousand deep.
    `max_depth` counts from the item.
    """
    _limit(body, max_bytes)
    try:
        whole = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return _isolated(body, key, max_items, max_depth, syntax_fault(body, error))
    items = whole.get(key) if isinstance(whole, dict) else whole
    if not isinstance(items, list):
        value = _judged(body, max_depth)
        raise _refused(value if isinstance(value, Fault) else _no_batch(whole if isinstance(whole, dict) else {}, key))
    if len(items) > max_items:
        raise _too_many(max_items)
    try:
        members = _object.decode(body) if isinstance(whole, dict) else {}
        raws = [bytes(raw) for raw in _array.decode(members.pop(key) if members else body)]
    except RecursionError:
        raise _refused(depth_fault("", max_depth)) from None
    outer = whole if isinstance(whole, dict) else {}
    around = [bytes(raw) for raw in members.values()]
    deep = _any_deep(raws, items, max_depth) or _any_deep(around, [outer[name] for name in members], max_depth)
    if deep or _may_break_a_rule(body, whole):
        return _isolated(body, key, max_items, max_depth, None)
    outer.pop(key, None)
    return Items(raws, items, outer)


def parse_lines(body: bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH, first_line: int = 1) -> Iterator[Line]:
    """The lines of an NDJSON text; blank ones are passed over. No bad line takes another along. Raises TooLarge."""
    _limit(body, max_bytes)
    numbers, raws = [], []
    for number, line in enumerate(body.split(b"\n"), first_line):
        if raw := line.strip(_SPACE):
            numbers.append(number)
            raws.append(raw)
    values = _lines_at_once(raws, max_depth)
    return zip(numbers, raws, values or (_judged(raw, max_depth) for raw in raws), strict=True)


def _lines_at_once(raws: list[bytes], max_depth: int) -> list[Json | Fault] | None:
    """The values of lines that are all in order, or None. One array of all is parsed faster than each for itself."""
    body = b"[" + b",".join(raws) + b"]"
    try:
        # Two broken lines may make a whole array between them; its items are then other texts than the lines.
        if [bytes(raw) for raw in _array.decode(body)] != raws:
            return None
        values: list[Json] = orjson.loads(body)
    except (orjson.JSONDecodeError, msgspec.DecodeError, RecursionError):
        return None
    if _any_deep(raws, values, max_depth) or _may_break_a_rule(body, values):
        return None
    return list(values)


def _isolated(body: bytes, key: str, max_items: int, max_depth: int, broken: Fault | None) -> Items:
    """The slow road: every item parsed for itself. `broken` is why the body as a whole is not JSON."""
    if body.count(b",") > MAX_ISOLATED:
        raise _refused(broken or Fault("", "too_many_items", "The batch has too many items to judge each for itself."))
    try:
        members, raws = _outline(body, key)
    except RecursionError:
        raise _refused(depth_fault("", max_depth)) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Not even the outline is JSON.
        raise _refused(broken or _no_batch({}, key)) from None
    if len(raws) > max_items:
        raise _too_many(max_items)
    outer: dict[str, Json] = {}
    if any("\0" in name for name in members):
        raise _refused(Fault("", "nul_character", "A key holds the character NUL."))
    for name, raw in members.items():
        value = _judged(raw, max_depth)
        if isinstance(value, Fault):
            raise _refused(Fault(below("", name) + value.pointer, value.code, value.detail))
        outer[name] = value
    values = [_judged(raw, max_depth) for raw in raws]
    if broken and not any(isinstance(value, Fault) for value in values):
        raise _refused(broken)
    return Items(raws, values, outer)


def _outline(body: bytes, key: str) -> tuple[dict[str, bytes], list[bytes]]:
    """The members around the batch and the items in it, each as it was sent.

    msgspec stops at a lone surrogate. So a second try has a mark in place of the backslash of each surrogate escape:
    a byte that no UTF-8 text holds, and that this one does not hold either.
    """
    try:
        return _parts(body, key)
    except msgspec.DecodeError:
        mark = next((byte for byte in _NEVER_UTF8 if byte not in body), None)
        if mark is None:
            raise
        members, raws = _parts(_SURROGATE.sub(mark, body.replace(rb"\\", mark + mark)), key)
        members = {name: raw.replace(mark, b"\\") for name, raw in members.items()}
        return members, [raw.replace(mark, b"\\") for raw in raws]


def _parts(outline: bytes, key: str) -> tuple[dict[str, bytes], list[bytes]]:
    if not outline.lstrip(b" \t\r\n").startswith(b"{"):
        return {}, [bytes(raw) for raw in _array.decode(outline)]
    members = {name: bytes(raw) for name, raw in _object.decode(outline).items()}
    # What is not inside a member are the keys, two quotes each.
    if _quotes(_bare(outline)) != sum(_quotes(_bare(raw)) for raw in members.values()) + 2 * len(members):
        raise _refused(Fault("", "duplicate_key", "A key of the outermost object comes twice."))
    if key not in members:
        raise _refused(_no_batch(members, key))
    return members, [bytes(raw) for raw in _array.decode(members.pop(key))]


def _judged(raw: bytes, max_depth: int) -> Json | Fault:
    """The value of one JSON text, or the first thing that is wrong with it."""
    try:
        value: Json = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return syntax_fault(raw, error)
    # Depth first: what goes on from here is no deeper than max_depth.
    if _may_be_deep(raw, max_depth) and is_deep(value, max_depth):
        return deep_fault(value, max_depth)
    if _may_break_a_rule(raw, value) and (fault := text_fault(raw)):
        return fault
    return value


def _may_be_deep(raw: bytes, max_depth: int) -> bool:
    """Whether the text has more containers, or brackets inside strings, than may be inside one another."""
    return len(raw.translate(None, _NOT_BRACKETS)) > 2 * max_depth


def _any_deep(raws: Sequence[bytes], values: Sequence[Json], max_depth: int) -> bool:
    return any(
        _may_be_deep(raw, max_depth) and is_deep(value, max_depth) for raw, value in zip(raws, values, strict=True)
    )


def _may_break_a_rule(raw: bytes, value: Json) -> bool:
    """Whether a key may come twice, a string hold a NUL or an integer leave 64 bits. No only when it is sure."""
    if b"\\" in raw and rb"\u0000" in raw:
        return True
    return _quotes(raw) != _quotes(orjson.dumps(value)) or not _integers_fit(raw)


def _quotes(text: bytes) -> int:
    r"""How many quotes no backslash stands before: two for a string, one for a string that ends with `\\`."""
    return text.count(b'"') - (text.count(rb"\"") if b"\\" in text else 0)


def _bare(text: bytes) -> bytes:
    """The text without its escaped backslashes, so that each string has two quotes and no exception."""
    return text.replace(rb"\\", b"") if b"\\" in text else text


def _integers_fit(raw: bytes) -> bool:
    if _LONG_INTEGER not in raw.translate(_DIGITS_TO_ZERO):
        return True
    long = _INTEGER.findall(raw)
    return all(len(digits) <= 20 and MIN_INTEGER <= int(digits) <= MAX_INTEGER for digits in long)


def _limit(body: bytes, max_bytes: int) -> None:
    if len(body) > max_bytes:
        raise TooLarge(f"At most {max_bytes} bytes are taken here; this body has {len(body)}.")


def _too_many(max_items: int) -> TooLarge:
    return TooLarge(f"A batch holds at most {max_items} items; send it in parts.", code="too_many_items")


def _no_batch(members: Mapping[str, object], key: str) -> Fault:
    if key in members:
        return Fault(below("", key), "not_an_array", "The batch is an array of items.")
    return Fault("", "no_batch", f"Send an array of items, or an object with the array under the key {key}.")


def _refused(fault: Fault) -> Refused:
    return Refused(fault.detail, code="invalid_json", faults=[fault])
