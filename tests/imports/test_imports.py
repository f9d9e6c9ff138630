"""Files on their way into the log, through the running product."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from tests.imports.conftest import Sender, csv_file

PEOPLE = b"id,email,address.city,notes\n1,ada@example.com,London,\n2,bob@example.com,Paris,likes tea\n"


async def test_a_csv_file_becomes_records(sender: Sender) -> None:
    done = await sender.take(PEOPLE)
    counts = {name: done[name] for name in ("state", "rows_read", "accepted", "duplicates", "rejected", "failure")}
    assert counts == {
        "state": "done", "rows_read": 2, "accepted": 2, "duplicates": 0, "rejected": 0, "failure": None
    }  # fmt: skip
    assert (done["bytes"], done["bytes_done"]) == (len(PEOPLE), len(PEOPLE))
    assert await sender.records() == [
        {"key": "1", "traits": {"email": "ada@example.com", "address": {"city": "London"}}},
        {"key": "2", "traits": {"email": "bob@example.com", "address": {"city": "Paris"}, "notes": "likes tea"}},
    ]
    assert await sender.pieces() == 0


async def test_an_imported_row_becomes_a_profile(sender: Sender) -> None:
    await sender.take(PEOPLE)
    (first, _) = [each["key"] for each in await sender.records()]
    id = (await sender.client.ask("GET", "/v1/imports")).json()["items"][0]["id"]
    assert await sender.client.fates([f"{id}-2", f"{id}-3"]) == ["applied", "applied"]
    assert (await sender.client.profile_of_record(first)).traits["email"] == "ada@example.com"


async def test_the_same_file_again_is_nothing_new(sender: Sender) -> None:
    await sender.take(PEOPLE)
    again = await sender.take(PEOPLE)
    assert (again["accepted"], again["duplicates"]) == (0, 2)


async def test_columns_are_named_by_the_sender(sender: Sender) -> None:
    body = csv_file(
        ["No", "E=Mail", "Card", "Seen", "x"], [["7", "a@example.com", "99", "2026-11-20T10:00:00Z", "drop"]]
    )
    await sender.take(body, "&key=No&map=E%3DMail=email&map=x=&identifier=Card=loyalty_card&observed_at=Seen")
    assert await sender.records() == [
        {
            "key": "7",
            "traits": {"email": "a@example.com"},
            "identifiers": [{"namespace": "loyalty_card", "value": "99"}],
            "observed_at": "2026-11-20T10:00:00Z",
        }
    ]


@pytest.mark.parametrize(
    ("body", "query"),
    [
        ("id;name\r\n1;Zoë\r\n".encode("cp1252"), "&encoding=cp1252"),
        ("id\tname\r1\tZoë\r".encode(), ""),
        ("id|name\n1|Zoë".encode("latin-1"), "&encoding=latin-1&delimiter=%7C"),
        ("\ufeffid,name\n1,Zoë\n".encode(), ""),
        ("id,name\n1,Zoë\n".encode("utf-16"), "&encoding=utf-16"),
        ('"id","name"\n"1","Zoë"\n'.encode("utf-16-le"), "&encoding=utf-16"),
    ],
)
async def test_a_csv_file_of_many_dialects_is_read(sender: Sender, body: bytes, query: str) -> None:
    await sender.take(body, query)
    assert await sender.records() == [{"key": "1", "traits": {"name": "Zoë"}}]


@pytest.mark.parametrize("format", ["json", "ndjson"])
async def test_json_rows_are_records_or_columns(sender: Sender, format: str) -> None:
    rows: list[Any] = [
        {"key": 1, "traits": {"a": [1, 2.5, None]}, "identifiers": [{"namespace": "card", "value": 9}]},
        {"id": "2", "b": {"c": True}},
        {"key": "3", "deleted": True},
    ]
    body = orjson.dumps(rows) if format == "json" else b"\n".join(map(orjson.dumps, rows))
    done = await sender.take(body, format=format)
    assert done["accepted"] == 3, done
    assert await sender.records() == [rows[0], {"key": "2", "traits": {"b": {"c": True}}}, rows[2]]


async def test_bad_rows_are_rejected_with_their_line_and_their_neighbours_go_on(sender: Sender) -> None:
    body = b"\n".join(
        [
            b"id,email,note",
            b"1,a@example.com,fine",
            b"2,b@example.com",
            b'3,"c@example.com,open quote',
            b"4,d@example.com,\xff",
            b"5,e@example.com,nul\0",
            b",f@example.com,no key",
            b'7,g@example.com,"two',
            b'lines"',
            b"8,h@example.com,too,many",
            b"9,i@example.com,fine",
        ]
    )
    done = await sender.take(body)
    assert (done["accepted"], done["rejected"], done["rows_read"]) == (3, 6, 9)
    assert [each["key"] for each in await sender.records()] == ["1", "7", "9"]
    found = await sender.rejected(done["id"])
    assert [(each["row"], each["code"]) for each in found] == [
        ("3", "wrong_field_count"),
        ("4", "unbalanced_quote"),
        ("5", "bad_encoding"),
        ("6", "nul_character"),
        ("7", "no_key"),
        ("10", "wrong_field_count"),
    ]
    assert found[0]["email"] == "b@example.com"
    assert found[1]["text"] == '3,"c@example.com,open quote'
    assert (found[4]["pointer"], found[4]["email"], found[4]["note"]) == ("/id", "f@example.com", "no key")
    assert found[5]["column_4"] == "many"


async def test_rejected_rows_come_as_ndjson_too(sender: Sender) -> None:
    done = await sender.take(b'{"id": 1}\n{"id": 2\n{"email": "c@example.com"}\n', format="ndjson")
    answer = await sender.client.ask("GET", f"/v1/imports/{done['id']}/rejected?format=ndjson")
    found = [orjson.loads(line) for line in answer.content.splitlines()]
    assert [(each["row"], each["code"], each["fields"]) for each in found] == [
        (2, "malformed", {"text": '{"id": 2'}),
        (3, "no_key", {"email": "c@example.com"}),
    ]


FORMULAS = ["=1+1", "+1", "-1", "@sum", "\tx", "\rx", "＝1", "＋1", "－1", "＠x"]


async def test_the_download_neutralises_formulas(sender: Sender) -> None:
    body = csv_file(["id", "=cmd"], [["", value] for value in [*FORMULAS, "harmless"]])
    done = await sender.take(body)
    assert done["rejected"] == len(FORMULAS) + 1
    found = await sender.rejected(done["id"])
    assert [each["'=cmd"] for each in found] == [*("'" + value for value in FORMULAS), "harmless"]
    raw = await sender.rejected(done["id"], raw=True)
    assert [each["=cmd"] for each in raw] == [*FORMULAS, "harmless"]


async def test_mended_rows_can_be_imported_again(sender: Sender) -> None:
    done = await sender.take(b"id,email\n1,a@example.com\n,b@example.com\n")
    answer = await sender.client.ask("GET", f"/v1/imports/{done['id']}/rejected")
    mended = answer.content.replace(b",,b@", b",2,b@")
    again = await sender.take(mended, "&map=row=&map=code=&map=pointer=&map=detail=&map=other=")
    assert again["accepted"] == 1
    assert (await sender.records())[-1] == {"key": "2", "traits": {"email": "b@example.com"}}


async def test_gzip_and_forms_are_taken(sender: Sender) -> None:
    packed = gzip.compress(PEOPLE)
    plain = await sender.send(packed, Content_Encoding="gzip")
    assert plain.json()["bytes"] == len(PEOPLE)
    for name, content in (("people.csv", PEOPLE), ("people.csv.gz", packed)):
        form = await sender.client.http.post(
            "/v1/imports?source=crm", files={"file": (name, content)}, headers=sender.client.bearer
        )
        assert form.status_code == 202, form.text
        done = await sender.ended(form.json()["id"])
        assert (done["format"], done["rows_read"]) == ("csv", 2)


@pytest.mark.parametrize(
    ("body", "format", "query", "status", "code"),
    [
        (b"", "csv", "", 422, "empty_file"),
        (b"a,b\n1,2\n", "csv", "", 422, "no_key"),
        (b"id,a,a\n1,2,3\n", "csv", "", 422, "bad_header"),
        (b"id,a,a.b\n1,2,3\n", "csv", "", 422, "bad_header"),
        (b"\nid\n", "csv", "", 422, "no_header"),
        (b"id,\xff\n", "csv", "", 422, "bad_encoding"),
        (b"id\n1\n", "csv", "&key=other", 422, "no_such_column"),
        (b"id\n1\n", "csv", "&identifier=id=edited_record", 422, "bad_option"),
        (b"id\n1\n", "csv", "&delimiter=%22", 422, "bad_option"),
        (b"id\n1\n", "csv", "&encoding=ebcdic", 422, "bad_option"),
        (b"id\n1\n", "json", "&encoding=utf-8", 422, "bad_option"),
        (b"id\n1\n", None, "", 422, "unknown_format"),
        (b"id\n1\n", "csv", "&create=false", 404, "not_found"),
        (b'{"a": 1}', "json", "", 422, "broken_file"),
        (b"PAR2....", "parquet", "", 422, "broken_file"),
    ],
)
async def test_what_cannot_be_read_is_refused_while_its_sender_listens(
    sender: Sender, body: bytes, format: str | None, query: str, status: int, code: str
) -> None:
    answer = await sender.send(body, query, format=format)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await sender.client.ask("GET", "/v1/imports")).json()["items"] == []


async def test_no_sentence_quotes_the_first_line_which_may_be_data(sender: Sender) -> None:
    for body in (b"ada@example.com,ada@example.com\n", b"ada@example.com,1\n", b"id,ada@example.com\xff\n"):
        assert "ada" not in (await sender.send(body)).text


async def test_a_gzip_bomb_is_refused_and_nothing_of_it_kept(sender: Sender) -> None:
    body = gzip.compress(b"id\n" + b"1\n" * 10_000_000)
    answer = await sender.send(body, Content_Encoding="gzip")
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    await _nothing_kept(sender)


async def test_a_gzip_stream_that_breaks_off_is_refused(sender: Sender) -> None:
    answer = await sender.send(gzip.compress(PEOPLE)[:-4], Content_Encoding="gzip")
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_gzip")


async def test_an_upload_that_breaks_off_leaves_nothing_behind(sender: Sender) -> None:
    class CutError(Exception):
        pass

    async def body() -> AsyncIterator[bytes]:
        yield b"id,a\n"
        for _ in range(20):
            yield b"1,x\n" * 20_000
        while True:
            if await sender.pieces():
                raise CutError
            await asyncio.sleep(0.01)

    with pytest.raises(CutError):
        await sender.send(body())
    await _nothing_kept(sender)


async def _nothing_kept(sender: Sender) -> None:
    items = (await sender.client.ask("GET", "/v1/imports")).json()["items"]
    for each in items:
        found = await sender.ended(each["id"])
        assert (found["state"], found["failure"]) == ("failed", "The upload broke off; send the file again.")
    assert await sender.pieces() == 0
    assert await sender.records() == []


@pytest.mark.parametrize(
    ("body", "format", "accepted", "sentence"),
    [
        (b'[{"id": 1}, {"id": 2}, {"id": 3', "json", 2, "The file breaks off at item 3"),
        (b'[{"id": 1} {"id": 2}]', "json", 1, "Before item 2 a comma is missing"),
        (b'[{"id": 1}] trailing', "json", 1, "Something follows"),
        (b"PAR1" + b"\0" * 100 + b"PAR1", "parquet", 0, "This is no whole Parquet file"),
    ],
)
async def test_a_broken_file_fails_with_a_sentence_and_hides_nothing(
    sender: Sender, body: bytes, format: str, accepted: int, sentence: str
) -> None:
    failed = await sender.take(body, format=format)
    assert (failed["state"], failed["failure"].startswith(sentence)) == ("failed", True), failed
    assert len(await sender.records()) == failed["accepted"] == accepted
    assert await sender.pieces() == 0


async def test_imports_are_listed_newest_first_a_page_at_a_time(sender: Sender) -> None:
    sent = [(await sender.take(b"id\n%d\n" % n))["id"] for n in range(3)]
    first = (await sender.client.ask("GET", "/v1/imports?limit=2")).json()
    rest = (await sender.client.ask("GET", f"/v1/imports?limit=2&cursor={first['next_cursor']}")).json()
    assert [each["id"] for each in first["items"] + rest["items"]] == sent[::-1]
    assert rest["next_cursor"] is None


async def test_another_workspace_sees_nothing_of_an_import(sender: Sender) -> None:
    done = await sender.take(PEOPLE)
    other = Sender(type(sender.client)(sender.client.live, await sender.client.live.workspace(), sender.client.http))
    assert (await other.client.ask("GET", "/v1/imports")).json()["items"] == []
    for path in (done["id"], f"{done['id']}/rejected", "nonsense"):
        assert (await other.client.ask("GET", f"/v1/imports/{path}")).status_code == 404
