"""What is refused names its place and its rule; what is taken stays word for word."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from app.core.errors import Fault, Refused, TooLarge
from app.core.strictjson import parse, parse_lines, split

ROOT = Path(__file__).parents[2]
SUITE = ROOT.parent / "shared" / "data" / "corpora" / "jsontestsuite" / "test_parsing"
LIMIT = 1 << 24

# Duplicate keys are no I-JSON (RFC 7493), and PostgreSQL stores no NUL: the documented rules we add to RFC 8259.
OURS_TO_REFUSE = {
    "y_object_duplicated_key.json": "duplicate_key",
    "y_object_duplicated_key_and_value.json": "duplicate_key",
    "y_object_escaped_null_in_key.json": "nul_character",
    "y_string_null_escape.json": "nul_character",
}


def suite(kind: str) -> list[Path]:
    if not SUITE.exists():
        pytest.skip("JSONTestSuite is not beside this repository")
    return sorted(SUITE.glob(f"{kind}_*.json"))


def fault_of(body: bytes) -> Fault:
    with pytest.raises(Refused) as caught:
        parse(body, max_bytes=LIMIT)
    assert caught.value.code == "invalid_json"
    (fault,) = caught.value.faults
    assert str(caught.value) == fault.detail
    return fault


def faults_of(taken: Callable[..., object], body: bytes) -> tuple[Fault, ...]:
    """What is refused about a body; nothing where it is taken."""
    try:
        taken(body, max_bytes=LIMIT)
    except Refused as error:
        return error.faults
    return ()


def test_the_suite_s_good_texts_are_taken_but_for_the_rules_we_add() -> None:
    refused = {}
    for path in suite("y"):
        try:
            parse(path.read_bytes(), max_bytes=LIMIT)
        except Refused as error:
            refused[path.name] = error.faults[0].code
    assert len(suite("y")) == 95
    assert refused == OURS_TO_REFUSE


def test_the_suite_s_bad_texts_are_all_refused() -> None:
    assert len(suite("n")) == 188
    for path in suite("n"):
        fault_of(path.read_bytes())


def test_the_suite_s_open_questions_never_crash() -> None:
    assert len(suite("i")) == 35
    for path in suite("i"):
        for body in (path.read_bytes(), b"[" + path.read_bytes() + b"]"):
            for taken in (parse, partial(split, key="batch", max_items=100)):
                assert len(faults_of(taken, body)) <= 1


def test_the_suite_s_texts_keep_their_neighbours_as_lines_of_a_file() -> None:
    good = b'{"key": "1"}'
    for path in suite("n") + suite("i"):
        lines = [good, *path.read_bytes().split(b"\n"), good]
        values = [value for _, _, value in parse_lines(b"\n".join(lines), max_bytes=LIMIT)]
        assert values[0] == values[-1] == {"key": "1"}, path.name


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        (b"", "", "empty"),
        (b" \n", "", "empty"),
        (b"{", "", "malformed"),
        (b"1 2", "", "malformed"),
        (b"[NaN]", "", "malformed"),
        (b"[1e400]", "", "number_out_of_range"),
        (b'{"a": [1, 9223372036854775808]}', "/a/1", "number_out_of_range"),
        (b'{"a": -9223372036854775809}', "/a", "number_out_of_range"),
        (b'{"a":' + b"9" * 300 + b"}", "/a", "number_out_of_range"),
        (b'{"x": {"a/b~c": 1, "a/b~c": 2}}', "/x/a~1b~0c", "duplicate_key"),
        (b'[{}, {"a": 1, "\\u0061": 2}]', "/1/a", "duplicate_key"),
        (b'{"a": ["\\u0000"]}', "/a/0", "nul_character"),
        (b'{"a": {"\\u0000": 1}}', "/a", "nul_character"),
        (b'{"a": "\\ud800"}', "", "lone_surrogate"),
        (b'{"a": "\xed\xa0\x80"}', "", "not_utf8"),
        (b'{"a": "\xff"}', "", "not_utf8"),
        ('{"a": 1}'.encode("utf-16"), "", "not_utf8"),
        (b'\xef\xbb\xbf{"a": 1}', "", "not_utf8"),
        (b'{"a":' * 32 + b"[1]" + b"}" * 32, "/a" * 32, "too_deep"),
        (b"[" * 33 + b"]" * 33, "/0" * 32, "too_deep"),
    ],
)
def test_a_refusal_names_its_place_and_its_rule(body: bytes, pointer: str, code: str) -> None:
    fault = fault_of(body)
    assert (fault.pointer, fault.code) == (pointer, code)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 9223372036854775807, "b": -9223372036854775808}',
        b'{"card": "8944200012345678901234"}',
        b'{"a": "x: 99999999999999999999"}',
        b'{"a": 1.7976931348623157e308, "b": 0.1234567890123456789012}',
        b'{"a": "\\\\u0000", "b": "\\\\\\\\", "c": "\\"a\\":"}',
        b'{"a": "' + b"[{" * 500 + b'"}',
        b"[" + b"[]," * 500 + b"[]]",
        b"[" * 32 + b"]" * 32,
        '{"é": "\U0001f600", "e": "\\ud83d\\ude00"}'.encode(),
    ],
)
def test_what_only_looks_like_a_breach_is_taken(body: bytes) -> None:
    parse(body, max_bytes=LIMIT)


def test_a_body_that_is_too_large_is_not_even_looked_at() -> None:
    for taken in (lambda b: parse(b, max_bytes=3), lambda b: parse_lines(b, max_bytes=3)):
        with pytest.raises(TooLarge):
            taken(b"{{{{")
    with pytest.raises(TooLarge):
        split(b"{{{{", key="batch", max_bytes=3, max_items=1)


def test_items_come_word_for_word() -> None:
    raws = [b'{"a" : 1.50, "b":"\\u00e9"}', b"1E5", b'"\\/"', b"[ ]"]
    found = split(b" [ " + b" ,\n".join(raws) + b" ] ", key="batch", max_bytes=LIMIT, max_items=4)
    assert found.raws == raws
    assert found.values == [{"a": 1.5, "b": "é"}, 1e5, "/", []]


@pytest.mark.parametrize(
    ("bad", "pointer", "code"),
    [
        (b'{"a": 1, "a": 2}', "/a", "duplicate_key"),
        (b'{"a": "\\u0000"}', "/a", "nul_character"),
        (b'{"a": "\\ud800"}', "", "lone_surrogate"),
        (b'{"a": "\\\\\\ud800"}', "", "lone_surrogate"),
        (b'{"a": "\xff"}', "", "not_utf8"),
        (b'{"a": "\xff\\ud800"}', "", "not_utf8"),
        (b'{"a": 1e999}', "", "number_out_of_range"),
        (b'{"a": 99999999999999999999}', "/a", "number_out_of_range"),
        (b"[" * 500 + b"]" * 500, "/0" * 32, "too_deep"),
    ],
)
@pytest.mark.parametrize("shape", [b"[%s]", b'{"batch": [%s], "sentAt": "\\ud83d\\ude00"}'])
def test_a_bad_item_names_itself_and_its_neighbours_live(bad: bytes, pointer: str, code: str, shape: bytes) -> None:
    good = b'{"key": "\\\\ud800 \\ud83d\\ude00"}'
    found = split(shape.replace(b"%s", good + b"," + bad + b"," + good), key="batch", max_bytes=LIMIT, max_items=3)
    assert found.raws == [good, bad, good]
    assert found.values[0] == found.values[2] == {"key": "\\ud800 \U0001f600"}
    fault = found.values[1]
    assert isinstance(fault, Fault)
    assert (fault.pointer, fault.code) == (pointer, code)


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        (b"{}", "", "no_batch"),
        (b'{"events": []}', "", "no_batch"),
        (b'{"batch": {}}', "/batch", "not_an_array"),
        (b"1", "", "no_batch"),
        (b'"batch"', "", "no_batch"),
        (b"[1, 2", "", "malformed"),
        (b'{"batch": [], "batch": []}', "", "duplicate_key"),
        (b'{"batch": [], "b\\u0061tch": []}', "", "duplicate_key"),
        (b'{"batch": [1], "context": {"a": 1, "a": 2}}', "/context/a", "duplicate_key"),
        (b'{"batch": [1], "sentAt": "\\u0000"}', "/sentAt", "nul_character"),
        (b'{"batch": [1], "\\u0000": 1}', "", "nul_character"),
        (b'{"batch": [1], "\\ud800": 1}', "", "lone_surrogate"),
        (b'{"batch": [1], "x": ' + b"[" * 33 + b"]" * 33 + b"}", "/x" + "/0" * 32, "too_deep"),
        (b"[" * 1010 + b"]" * 1010, "", "too_deep"),
        (b"[" * 100_000, "", "too_deep"),
    ],
)
def test_a_body_that_is_no_batch_is_refused_whole(body: bytes, pointer: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        split(body, key="batch", max_bytes=LIMIT, max_items=10)
    assert [(fault.pointer, fault.code) for fault in caught.value.faults] == [(pointer, code)]


def test_odd_keys_around_a_batch_are_no_second_keys() -> None:
    body = b'{"\\\\": 1, "\\"": 2, "": "\\\\", "batch": [{"a": 1, "a": 2}]}'
    found = split(body, key="batch", max_bytes=LIMIT, max_items=2)
    assert found.outer == {"\\": 1, '"': 2, "": "\\"}
    assert isinstance(found.values[0], Fault)


def test_too_many_items_are_refused_whether_they_are_good_or_bad() -> None:
    for body in (b"[1,2,3]", b'[1,2,"\\ud800"]', b'{"batch":[1,{"a":1,"a":1},3]}'):
        with pytest.raises(TooLarge) as caught:
            split(body, key="batch", max_bytes=LIMIT, max_items=2)
        assert caught.value.code == "too_many_items"


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    body = b'{"a":1}\r\n\n  \n{"a":1,"a":2}\n{\n 3 '
    found = [(n, raw, v.code if isinstance(v, Fault) else v) for n, raw, v in parse_lines(body, max_bytes=LIMIT)]
    assert found == [
        (1, b'{"a":1}', {"a": 1}),
        (4, b'{"a":1,"a":2}', "duplicate_key"),
        (5, b"{", "malformed"),
        (6, b"3", 3),
    ]
    assert [n for n, _, _ in parse_lines(b"1\n2", max_bytes=LIMIT, first_line=1001)] == [1001, 1002]


def test_a_fault_never_repeats_a_value() -> None:
    canary = b"ada@example.com"
    for body in (
        b'{"a": "' + canary + b'\\ud800"}',
        b'{"a": "' + canary,
        b'{"a": "' + canary + b'\\u0000"}',
        b'{"a": "' + canary + b'\xff"}',
        b'{"a": "' + canary + b'", "a": "' + canary + b'"}',
    ):
        with pytest.raises(Refused) as caught:
            parse(body, max_bytes=LIMIT)
        assert "ada" not in repr(caught.value.faults) + str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


HOSTILE = {
    "brackets": b"[" * 500_000 + b"]" * 500_000,
    "flat": b"[" + b"[]," * 300_000 + b"[]]",
    "commas": b"[" + b"1," * 500_000 + b'"\\ud800"]',
    "quotes": b'["' + b'\\"' * 500_000,
    "backslashes": b'["' + b"\\\\" * 500_000 + b'"]',
    "half a surrogate": b'["' + b"\\ud800" * 160_000 + b'"]',
    "zeros": b'["' + b"0" * 1_000_000 + b'"]',
    "digits": b"[" + b"9" * 1_000_000 + b"]",
    "almost long": b"[" + b"1234567890123456789," * 50_000 + b"1]",
    "one key": b"{" + b'"a":1,' * 160_000 + b'"a":1}',
    "long key": b'{"' + b"k" * 900_000 + b'":{"a":1,"a":1}}',
    "colons": b'["' + b'\\":' * 300_000 + b'"]',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_of_malice_costs_about_what_a_megabyte_costs(name: str) -> None:
    body = HOSTILE[name]
    for taken in (parse, partial(split, key="a", max_items=1_000_000), lambda b, **k: list(parse_lines(b, **k))):
        start = time.process_time()
        assert all(len(fault.pointer) < 2000 for fault in faults_of(taken, body))
        assert time.process_time() - start < 3.0, name
