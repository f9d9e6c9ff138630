"""Record ingest over HTTP: each record judged for itself, repeats told apart, answers kept for the same request."""

import asyncio
import gzip
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from tests.live import Client, Live, as_bytes, client_of

KIB = 1024


def record(key: str, **traits: Any) -> dict[str, Any]:
    return {"key": key, "traits": traits or {"first_name": "Ada"}}


async def counts(client: Client, body: Any, **headers: str) -> tuple[int, int, list[tuple[int, str, str]]]:
    """(accepted, duplicates, rejected as (index, code, pointer)) of one request."""
    answer = await client.records(body, **headers)
    assert answer.status_code == 202, answer.text
    said = answer.json()
    rejected = [(each["index"], each["code"], each["pointer"]) for each in said["rejected"]]
    assert all(each["detail"] for each in said["rejected"])
    return said["accepted"], said["duplicates"], rejected


async def resolved(client: Client, body: Any) -> None:
    answer = await client.records(body, query="?wait=resolved")
    assert answer.status_code == 202
    assert answer.json()["resolved"] is True


async def test_an_array_of_records_becomes_profiles(client: Client) -> None:
    said = {
        "key": "42",
        "traits": {"email": "ada@example.com", "first_name": "Ada"},
        "identifiers": [{"namespace": "loyalty_card", "value": "9"}],
        "observed_at": "2026-11-20T10:00:00Z",
    }
    answer = await client.records([said])
    assert answer.status_code == 202
    shown = answer.json()
    batch_id = shown.pop("batch_id")
    assert shown == {"accepted": 1, "duplicates": 0, "rejected": []}
    found = await client.fate(f"{batch_id}-0")
    assert (found["fate"], found["profile_version"], found["message_id"]) == ("applied", 1, f"{batch_id}-0")
    profile = await client.profile("loyalty_card", "9")
    assert profile.traits == {"email": "ada@example.com", "first_name": "Ada"}
    assert profile.provenance["email"].observed_at == datetime(2026, 11, 20, 10, tzinfo=UTC)


@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/json", "text/csv", ""])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n\r\n"])
async def test_lines_of_json_are_records_whatever_the_content_type(client: Client, kind: str, end: bytes) -> None:
    body = b"\n".join([as_bytes(record("1")), b"", as_bytes(record("2"))]) + end
    assert await counts(client, body, Content_Type=kind) == (2, 0, [])


async def test_a_gzip_body_is_unpacked(client: Client) -> None:
    assert await counts(client, gzip.compress(as_bytes([record("1")])), Content_Encoding="gzip") == (1, 0, [])


def with_identifier(**said: Any) -> dict[str, Any]:
    return {"key": "1", "traits": {}, "identifiers": [said]}


WRONG: list[tuple[Any, str, str]] = [
    ({"traits": {}}, "no_key", "/key"),
    ({"key": True, "traits": {}}, "not_text", "/key"),
    ({"key": 1.5, "traits": {}}, "not_text", "/key"),
    ({"key": " ", "traits": {}}, "bad_length", "/key"),
    ({"key": "k" * 513, "traits": {}}, "bad_length", "/key"),
    ({"key": "1"}, "no_traits", "/traits"),
    ({"key": "1", "traits": []}, "not_an_object", "/traits"),
    ({"key": "1", "traits": {f"t{n}": n for n in range(501)}}, "too_many_fields", "/traits"),
    ({"key": "1", "traits": {}, "deleted": "yes"}, "not_a_boolean", "/deleted"),
    ({"key": "1", "traits": {}, "a/b~c": 1}, "unknown_member", "/a~1b~0c"),
    ({"key": "1", "traits": {}, "identifiers": {}}, "not_an_array", "/identifiers"),
    ({"key": "1", "traits": {}, "identifiers": [7]}, "not_an_object", "/identifiers/0"),
    (with_identifier(namespace="!", value="9"), "bad_namespace", "/identifiers/0/namespace"),
    (with_identifier(namespace="card", value=None), "not_text", "/identifiers/0/value"),
    (with_identifier(namespace="edited_record", value="9"), "reserved_namespace", "/identifiers/0/namespace"),
    (with_identifier(namespace="card", value="9", type="x"), "unknown_member", "/identifiers/0/type"),
    ({"key": "1", "traits": {}, "observed_at": "2026-11-20T10:00:00"}, "naive_time", "/observed_at"),
    ({"key": "1", "traits": {}, "observed_at": 20261120}, "bad_time", "/observed_at"),
    ({"key": "1", "traits": {}, "message_id": ""}, "bad_message_id", "/message_id"),
    ("a record", "not_an_object", ""),
    (None, "not_an_object", ""),
]


@pytest.mark.parametrize("lines", [False, True])
async def test_each_wrong_record_names_itself_and_takes_no_other_along(client: Client, lines: bool) -> None:
    said = [record("good-1"), *(each for each, _, _ in WRONG), record("good-2")]
    body = b"\n".join(map(as_bytes, said)) if lines else as_bytes(said)
    found = await counts(client, body)
    assert found == (2, 0, [(n, code, pointer) for n, (_, code, pointer) in enumerate(WRONG, 1)])
    listed = (await client.ask("GET", "/v1/quarantine")).json()["items"]
    assert [(each["code"], each["kind"]) for each in listed] == [(code, "record") for _, code, _ in WRONG]


async def test_a_record_whose_json_is_broken_takes_no_other_along(client: Client) -> None:
    good = as_bytes(record("1"))
    lines = b"\n".join([good, b'{"key":', good.replace(b'"1"', b'"2"'), b'{"key":"3","key":"4","traits":{}}', b"\xff"])
    assert await counts(client, lines) == (
        2,
        0,
        [(1, "malformed", ""), (3, "duplicate_key", "/key"), (4, "not_utf8", "")],
    )
    array = b"[" + good + b',{"key":"3","traits":{"a":"\\u0000"}},{"key":"4","traits":{"a":1e400}}]'
    accepted, repeats, rejected = await counts(client, array)
    assert (accepted, repeats) == (0, 1)
    assert [(index, code) for index, code, _ in rejected] == [(1, "nul_character"), (2, "number_out_of_range")]


async def test_a_record_has_256_kb_at_most(client: Client) -> None:
    def sized(key: str, size: int) -> bytes:
        empty = as_bytes(record(key, note=""))
        return empty.replace(b'"note":""', b'"note":"' + b"x" * (size - len(empty)) + b'"')

    fits, large = sized("1", 256 * KIB), sized("2", 256 * KIB + 1)
    assert (len(fits), len(large)) == (256 * KIB, 256 * KIB + 1)
    assert await counts(client, b"[" + fits + b"," + large + b"]") == (1, 0, [(1, "record_too_large", "")])


async def test_a_request_has_5000_records_and_16_mb_at_most(client: Client) -> None:
    many = [{"key": n, "deleted": True} for n in range(5001)]
    for body in (as_bytes(many), b"\n".join(map(as_bytes, many))):
        refused = await client.records(body)
        assert (refused.status_code, refused.json()["code"]) == (413, "too_many_items")
    assert (await client.records(b" " * (16 * KIB * KIB + 1))).status_code == 413
    assert (await counts(client, many[:5000]))[0] == 5000


@pytest.mark.parametrize("body", [b"", b" \n ", b"[]", b"\n\n"])
async def test_a_request_without_records_says_so_or_takes_none(client: Client, body: bytes) -> None:
    answer = await client.records(body)
    assert answer.status_code == (202 if body == b"[]" else 422)


async def test_the_same_content_again_is_a_duplicate_and_a_change_back_is_news(client: Client) -> None:
    a, b = record("1", city="Paris"), record("1", city="London")
    await resolved(client, [a])
    assert await counts(client, [{"traits": {"city": "Paris"}, "key": 1}]) == (0, 1, [])
    await resolved(client, [b])
    await resolved(client, [a])
    profile = await client.profile_of_record("1")
    assert (profile.traits["city"], profile.version) == ("Paris", 3)


async def test_what_was_observed_at_a_time_is_known_for_ever(client: Client) -> None:
    old = {**record("1", city="Paris"), "observed_at": "2026-11-01T10:00:00Z"}
    new = {**record("1", city="London"), "observed_at": "2026-11-02T10:00:00Z"}
    assert await counts(client, [new, old]) == (2, 0, [])
    await resolved(client, [old])
    assert await counts(client, [old, new]) == (0, 2, [])
    assert (await client.profile_of_record("1")).traits["city"] == "London"


async def test_a_deleted_record_is_gone_and_can_come_back(client: Client) -> None:
    await resolved(client, [record("1", email="ada@example.com")])
    before = await client.profile("email", "ada@example.com")
    await resolved(client, [{"key": "1", "deleted": True}])
    found = await client.ask("GET", "/v1/quarantine")
    assert found.json()["items"] == []
    with pytest.raises(AssertionError):
        await client.profile("email", "ada@example.com")
    await resolved(client, [record("1", email="ada@example.com")])
    assert (await client.profile("email", "ada@example.com")).id == before.id


async def test_the_fate_of_every_record_of_a_request_is_found_by_its_place(client: Client) -> None:
    first = (await client.records([record("1"), record("2")])).json()["batch_id"]
    again = (await client.records([record("1"), {"key": ""}, record("3")], query="?wait=resolved")).json()["batch_id"]
    assert await client.fates(f"{first}-{n}" for n in range(2)) == ["applied"] * 2
    assert await client.fates(f"{again}-{n}" for n in range(3)) == ["duplicate", "quarantined", "applied"]
    for unknown in (f"{again}-3", f"{again}--1", f"{again}-", again, f"{again}-00000000", f"{again}-٣"):
        assert (await client.ask("GET", f"/v1/messages/{unknown}")).status_code == 404


async def test_a_message_id_of_ones_own_names_the_record_for_ever(client: Client) -> None:
    said = {**record("1", city="Paris"), "message_id": "export-7/1"}
    assert await counts(client, [said]) == (1, 0, [])
    assert await counts(client, [said]) == (0, 1, [])
    assert await counts(client, [{**said, "traits": {}}]) == (0, 0, [(0, "message_id_reused", "/message_id")])
    assert await client.fates(["export-7/1"]) == ["applied"]


async def test_an_idempotency_key_gives_the_same_request_the_same_answer_byte_for_byte(client: Client) -> None:
    body = [record("1"), {"key": ""}, {"key": "2", "traits": {}, "ada@example.com": 1}]
    first = await client.records(body, Idempotency_Key="night/2026-11-20")
    again = await client.records(body, Idempotency_Key="night/2026-11-20")
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert first.json()["accepted"] == 1
    other = await client.records([record("2")], Idempotency_Key="night/2026-11-20")
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    elsewhere = await client.records(body, source="shop", Idempotency_Key="night/2026-11-20")
    assert elsewhere.status_code == 409
    assert await client.log_size() == 1
    assert len((await client.ask("GET", "/v1/quarantine")).json()["items"]) == 2


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_an_idempotency_key_has_1_to_255_characters(client: Client, key: str) -> None:
    refused = await client.records([record("1")], Idempotency_Key=key)
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_idempotency_key")


async def test_fifty_identical_requests_at_once_have_one_effect_and_one_answer(live: Live) -> None:
    with live.another_api() as second:
        async with client_of(live) as client:
            body = [record(str(n)) for n in range(20)]
            other = Client(live, client.workspace, type(client.http)(base_url=second.base_url, timeout=30))
            clients = [client, other] * 25
            answers = await asyncio.gather(*(each.records(body, Idempotency_Key="once") for each in clients))
            await other.http.aclose()
            assert {answer.status_code for answer in answers} == {202}
            assert len({answer.content for answer in answers}) == 1
            assert orjson.loads(answers[0].content)["accepted"] == 20
            assert await client.log_size() == 20


async def test_fifty_requests_at_once_without_a_key_have_one_effect_as_well(client: Client) -> None:
    body = [record(str(n)) for n in range(20)]
    answers = await asyncio.gather(*(client.records(body) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert sum(answer.json()["accepted"] for answer in answers) == 20
    assert sum(answer.json()["duplicates"] for answer in answers) == 49 * 20
    assert await client.log_size() == 20


async def test_a_token_of_another_workspace_writes_there_and_sees_nothing_here(client: Client) -> None:
    batch_id = (await client.records([record("1")], query="?wait=resolved")).json()["batch_id"]
    async with client_of(client.live) as other:
        assert (await other.ask("GET", f"/v1/messages/{batch_id}-0")).status_code == 404
        assert await counts(other, [record("1")]) == (1, 0, [])
        with pytest.raises(AssertionError):
            await other.profile("first_name", "Ada")
    assert await client.log_size() == 1


@pytest.mark.parametrize("source", ["CRM", "9crm", "c" * 64, "cr%20m", "%F0%9F%98%80", "edits%2F", "..", "crm%00"])
async def test_a_source_name_is_a_lower_case_word(client: Client, source: str) -> None:
    answer = await client.records([record("1")], source=source)
    assert answer.status_code in (404, 405, 422)
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_an_idempotency_key_may_hold_any_byte_that_a_header_can(client: Client) -> None:
    headers = [*client.bearer.items(), (b"Idempotency-Key", bytes(range(0x80, 0x100)))]
    answers = [
        await client.http.post("/v1/sources/crm/records", content=as_bytes([record("1")]), headers=headers)
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].content == answers[1].content


async def test_nobody_but_people_write_to_the_source_of_edits(client: Client) -> None:
    """It is trusted above all others; a record that came in there could not be corrected any more."""
    assert (await client.records([record("1")], source="edits")).status_code in (403, 422)


async def test_a_request_without_a_good_token_is_refused(client: Client) -> None:
    async def status(authorization: str | None) -> int:
        headers = {} if authorization is None else {"Authorization": authorization}
        answer = await client.http.post("/v1/sources/crm/records", content=as_bytes([record("1")]), headers=headers)
        return answer.status_code

    reader = client.live.token("profiles:read", workspace=client.workspace.name)
    given = [None, "Bearer", "Bearer x.y.z", "Basic " + await client.key(), f"Bearer {reader}"]
    assert [await status(each) for each in given] == [401, 401, 401, 401, 403]
    assert await client.log_size() == 0
