"""JSON that is not quite JSON at every door: refused by name, and never a failure of ours.

JSONTestSuite's verdict is in a file's first letter: y is JSON, n is none, i is left to the parser. None of its texts is
an event or a record, so nothing of them may reach the log.
"""

import asyncio
import gzip
from pathlib import Path
from typing import Any

import pytest

from tests.live import Client, as_bytes

SUITE = Path(__file__).parents[2].parent / "shared" / "data" / "corpora" / "jsontestsuite" / "test_parsing"
FILES = sorted(SUITE.glob("*.json"))


@pytest.mark.parametrize("door", ["track", "batch", "records"])
async def test_the_verdicts_of_the_suite_hold_at_every_door(client: Client, door: str) -> None:
    if not FILES:
        pytest.skip(f"no JSONTestSuite at {SUITE}")
    assert len(FILES) == 318

    async def sent(file: Path) -> tuple[str, int, dict[str, Any]]:
        body = file.read_bytes()
        answer = await (client.records(body) if door == "records" else client.send(door, body, X_Strict_Mode="1"))
        return file.name, answer.status_code, answer.json()

    for start in range(0, len(FILES), 20):
        for name, status, said in await asyncio.gather(*map(sent, FILES[start : start + 20])):
            assert status < 500, name
            codes = {each["code"] for each in said.get("errors") or said.get("rejected") or []}
            if name.startswith("n_"):
                assert status >= 400 or said["accepted"] == 0, name
                assert codes or status in (413, 422), name
            # Outside of an array a record is one line.
            if name.startswith("y_") and not (door == "records" and "newline" in name):
                assert "malformed" not in codes, name
    assert await client.log_size() == 0


DEEP = b"[" * 33 + b"]" * 33
FRAGMENTS = [
    (b"NaN", "malformed"),
    (b"-Infinity", "malformed"),
    (b"1e400", "number_out_of_range"),
    (b"18446744073709551616", "number_out_of_range"),
    (b'"\\ud800"', "lone_surrogate"),
    (b'"\\u0000"', "nul_character"),
    (b'{"\\u0000":1}', "nul_character"),
    (b'{"a":1,"a":2}', "duplicate_key"),
    (DEEP, "too_deep"),
    (b'"\xff"', "not_utf8"),
    (b'"\xed\xa0\x80"', "not_utf8"),
    (b"'a'", "malformed"),
    (b"01", "malformed"),
]
BROKEN = (b"NaN", b"-Infinity", b"'a'", b"01")
"""What breaks the JSON around it as well, so that nobody can tell where the next item begins."""

EVENT = b'{"type":"track","userId":"7","event":"e","messageId":"bad","properties":{"x":%s}}'
RECORD = b'{"key":"bad","traits":{"x":%s}}'


def faults(said: dict[str, Any]) -> set[str]:
    return {each["code"] for each in said["errors"]}


@pytest.mark.parametrize(("fragment", "code"), FRAGMENTS, ids=[f[:20].decode("latin-1") for f, _ in FRAGMENTS])
async def test_a_value_that_is_no_good_is_named_and_takes_nothing_along(
    client: Client, fragment: bytes, code: str
) -> None:
    alone = await client.send("track", EVENT % fragment)
    assert (alone.status_code, faults(alone.json())) == (400, {code})
    good = as_bytes({"type": "track", "userId": "7", "event": "e", "messageId": "good"})
    batch = b'{"batch":[' + good + b"," + EVENT % fragment + b"]}"
    packed = await client.send("batch", gzip.compress(batch), X_Strict_Mode="1", Content_Encoding="gzip")
    assert (packed.status_code, faults(packed.json())) == (400, {code})
    record = as_bytes({"key": "good", "traits": {}})
    lines = await client.records(record + b"\n" + RECORD % fragment)
    assert [(each["index"], each["code"]) for each in lines.json()["rejected"]] == [(1, code)]
    whole = await client.send("batch", batch)
    array = await client.records(b"[" + record + b"," + RECORD % fragment + b"]")
    if fragment not in BROKEN:
        assert whole.status_code == 200
        assert await client.fates(["good"]) == ["applied"]
        assert [(each["index"], each["code"]) for each in array.json()["rejected"]] == [(1, code)]
    else:
        assert (whole.status_code, array.status_code) == (400, 422)
    fixed = await client.ask("PUT", "/v1/quarantine/AAAAAAAAAA", RECORD % fragment)
    assert (fixed.status_code, faults(fixed.json())) == (422, {code})


async def test_a_text_nested_ten_million_deep_is_refused_at_once(client: Client) -> None:
    deep = b"[" * 10_000_000
    for answer in (
        await client.send("batch", gzip.compress(deep[:500_000]), Content_Encoding="gzip"),
        await client.records(gzip.compress(deep), Content_Encoding="gzip"),
        await client.records(b'{"key":' * 1_000_000),
        await client.send("track", EVENT % (b"[" * 5_000 + b"]" * 5_000)),
        await client.records(RECORD % (b"[" * 100_000 + b"]" * 100_000)),
        await client.ask("PUT", "/v1/quarantine/AAAAAAAAAA", b"[" * 1_000_000),
    ):
        assert answer.status_code in (400, 422) or answer.json()["accepted"] == 0
    assert await client.log_size() == 0


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp500"])
async def test_other_encodings_than_utf_8_are_refused(client: Client, encoding: str) -> None:
    event = '{"type":"track","userId":"7","event":"Loïc","messageId":"m"}'.encode(encoding)
    record = '[{"key":"1","traits":{"name":"Loïc"}}]'.encode(encoding)
    assert (await client.send("track", event, Content_Type="application/json; charset=utf-16")).status_code == 400
    assert (await client.send("batch", event)).status_code == 400
    answer = await client.records(record)
    assert answer.status_code == 422 or answer.json()["accepted"] == 0
    assert await client.log_size() == 0
