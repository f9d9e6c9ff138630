"""The fast parser agrees with a slow and obvious one on every text that hypothesis thinks of."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.core.errors import Fault, Refused
from app.core.strictjson import Items, parse, parse_lines, split

LIMIT = 1 << 20


class Breach(Exception):
    """A rule is broken."""


def reference(text: bytes, max_depth: int = 32) -> Any:
    """Strict JSON by the standard library: slow, recursive, and plain to see."""

    def integer(digits: str) -> int:
        if not -(2**63) <= int(digits) < 2**63:
            raise Breach
        return int(digits)

    def number(text: str) -> float:
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise Breach
        return value

    def constant(_: str) -> None:
        raise Breach

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) < len(pairs):
            raise Breach
        return dict(pairs)

    def check(value: Any, depth: int) -> None:
        if isinstance(value, str):
            value.encode()
            if "\0" in value:
                raise Breach
        elif isinstance(value, dict | list):
            if depth >= max_depth:
                raise Breach
            for child in value:
                check(child, depth + 1)
            for child in value.values() if isinstance(value, dict) else ():
                check(child, depth + 1)

    try:
        value = json.loads(
            text.decode(),
            object_pairs_hook=members,
            parse_int=integer,
            parse_float=number,
            parse_constant=constant,
        )
        check(value, 0)
    except (ValueError, Breach, RecursionError):
        raise Breach from None
    return value


def outcome(parser: Callable[[bytes], Any], text: bytes) -> str:
    """The value with its types and order, or that there is none."""
    try:
        return repr(parser(text))
    except (Breach, Refused):
        return "refused"


# Texts are written from pieces, so that what only a text has is tried: escapes, spaces, keys twice, brackets in
# strings, long digits in strings, and a piece of nonsense now and then.
PIECES = r"""
a b : , { [ ] } é 12345678901234567890 \\ \" \/ \n \u0000 \u0022 \u005c \u0061 \u00e9
\ud83d\ude00 \ud800 \udc00 \\u0000 \\ud800
"""
NUMBERS = """
0 -0 -1 1.5 1e5 1E+2 1e400 -1e400 1e-400 01 1. .5 - +1 NaN Infinity 12345678901234567890.5 1234567890123456789e1
9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809 18446744073709551615
18446744073709551616 99999999999999999999999999999999999999999
"""
pieces = st.sampled_from([*PIECES.split(), " ", "\U0001f600"])
strings = st.lists(pieces, max_size=6).map(lambda parts: '"' + "".join(parts) + '"')
keys = st.sampled_from(['"a"', '"\\u0061"', '"b"', '"\\\\"', '"\\""', '":"', '""']) | strings
numbers = st.sampled_from(NUMBERS.split()) | st.just(5000).map(lambda many: "9" * many)
plain = st.integers(-(2**65), 2**65).map(str) | st.floats(allow_nan=False, allow_infinity=False).map(repr)
leaves = strings | numbers | plain | st.sampled_from(["true", "false", "null", "nul", ""])
space = st.sampled_from(["", "", "", " ", "\n\t"])


def containers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    arrays = st.tuples(space, st.lists(inner, max_size=4)).map(lambda t: "[" + ("," + t[0]).join(t[1]) + t[0] + "]")
    member = st.tuples(keys, space, space, inner).map(lambda t: f"{t[0]}{t[1]}:{t[2]}{t[3]}")
    objects = st.tuples(space, st.lists(member, max_size=4)).map(lambda t: "{" + ("," + t[0]).join(t[1]) + t[0] + "}")
    return arrays | objects


texts = st.recursive(leaves, containers, max_leaves=12)
deep = st.tuples(st.integers(29, 35), st.sampled_from(["[]", "{}", "1", '"[[[["']), st.booleans()).map(
    lambda t: "[" * t[0] + t[1] + "]" * t[0] if t[2] else '{"a":' * t[0] + t[1] + "}" * t[0]
)
documents = (texts | deep).map(str.encode) | st.binary(max_size=12) | texts.map(lambda text: text.encode() + b"\xff")


@settings(max_examples=1500)
@given(documents)
@example(b'{"a":1,"\\u0061":2}')
@example(b'{"a\\\\":1,"a\\\\":2}')
@example(b'{"\\"":"\\"","\\u0022":2}')
@example(b'["\\\\u0000"]')
@example(b"[" * 1500 + b"]" * 1500)
@example('{"a":1}'.encode("utf-16"))
@example(b'\xef\xbb\xbf{"a":1}')
def test_the_fast_parser_and_the_slow_one_agree(text: bytes) -> None:
    assert outcome(lambda t: parse(t, max_bytes=LIMIT), text) == outcome(reference, text)


def judged(text: bytes) -> str:
    return outcome(reference, text)


def shown(values: list[Any]) -> list[str]:
    return ["refused" if isinstance(value, Fault) else repr(value) for value in values]


wellformed = texts.filter(lambda text: _is_json(text)).map(str.encode)


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_int=str, parse_float=str, parse_constant=lambda _: 1 / 0)
    except (ValueError, ZeroDivisionError):
        return False
    return True


@settings(max_examples=600)
@given(st.lists(wellformed, max_size=5), space.map(str.encode), st.sampled_from(["array", "object"]))
def test_each_item_of_a_batch_is_judged_as_if_it_were_alone(items: list[bytes], gap: bytes, shape: str) -> None:
    array = b"[" + (gap + b"," + gap).join(items) + gap + b"]"
    body = array if shape == "array" else b'{"sentAt": "\\"", "batch" :' + array + b', "context": {"batch": 1}}'
    found = split(body, key="batch", max_bytes=LIMIT, max_items=10)
    assert found.raws == items
    assert shown(found.values) == [judged(item) for item in items]
    assert found.outer == ({} if shape == "array" else {"sentAt": '"', "context": {"batch": 1}})


@settings(max_examples=600)
@given(st.lists(documents, max_size=5), st.sampled_from([b"\n", b"\r\n", b" \n\n\t"]))
@example([b"[1", b"2]"], b"\n")
@example([b"[1", b"2]", b"3,4"], b"\n")
@example([b'"a', b'b"'], b"\n")
@example([b"{", b"}"], b"\n")
def test_each_line_is_judged_as_if_it_were_alone(lines: list[bytes], end: bytes) -> None:
    body = end.join(lines)
    alone = [(n, line.strip(b" \t\r")) for n, line in enumerate(body.split(b"\n"), 1)]
    expected = [(n, line, judged(line)) for n, line in alone if line]
    found = list(parse_lines(body, max_bytes=LIMIT))
    assert [(n, raw, shown([value])[0]) for n, raw, value in found] == expected


def split_or_not(body: bytes) -> Items | None:
    try:
        return split(body, key="a", max_bytes=LIMIT, max_items=10)
    except Refused:
        return None


@settings(max_examples=600)
@given(documents)
@example(b'{"a": [], "\\u0000": 1}')
@example(b'{"a": [], "\\\\u0000": 1}')
def test_a_batch_that_is_split_without_a_fault_is_the_parsed_array(body: bytes) -> None:
    found = split_or_not(body)
    if found and not any(isinstance(value, Fault) for value in found.values):
        whole = reference(body, 34)
        assert shown(found.values) == shown(whole["a"] if isinstance(whole, dict) else whole)


@pytest.mark.parametrize("depth", [31, 32, 33, 34])
def test_depth_is_counted_from_the_item(depth: int) -> None:
    item = b"[" * depth + b"]" * depth
    for body in (b"[" + item + b"]", b'{"batch":[' + item + b"]}"):
        found = split(body, key="batch", max_bytes=LIMIT, max_items=10)
        assert isinstance(found.values[0], Fault) == (depth > 32)
