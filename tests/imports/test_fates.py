"""Every row of an import is found by its place in the file, whatever it is called in the log."""

import orjson
import pytest

from tests.imports.conftest import Sender, csv_file


def ndjson(*records: object) -> bytes:
    return b"\n".join(orjson.dumps(each) for each in records)


async def fates(sender: Sender, id: str, *rows: int) -> list[tuple[str, str | None]]:
    found = [await sender.client.fate(f"{id}-{row}") for row in rows]
    return [(each["fate"], each["reason"]) for each in found]


APPLIED, DUPLICATE = ("applied", None), ("duplicate", None)
NAMED = {"key": "1", "traits": {"title": "a"}, "message_id": "mine-1"}
TIMED = {"key": "2", "traits": {"title": "b"}, "observed_at": "2026-03-01T08:00:00Z"}
PLAIN = {"key": "3", "traits": {"title": "c"}}


async def test_rows_with_an_id_or_a_time_of_their_own_are_found_by_their_place(sender: Sender) -> None:
    done = await sender.take(ndjson(NAMED, TIMED, PLAIN), format="ndjson")
    assert await fates(sender, done["id"], 1, 2, 3) == [APPLIED] * 3
    by_place, by_id = await sender.client.fate(f"{done['id']}-1"), await sender.client.fate("mine-1")
    assert by_place["profile_id"] == by_id["profile_id"] is not None


async def test_repeats_are_found_as_what_they_are(sender: Sender) -> None:
    await sender.take(ndjson(NAMED, TIMED, PLAIN), format="ndjson")
    again = await sender.take(ndjson(NAMED, TIMED, PLAIN), format="ndjson")
    assert await fates(sender, again["id"], 1, 2, 3) == [DUPLICATE] * 3
    assert (await sender.client.fate(f"{again['id']}-2"))["profile_id"] is not None


async def test_rows_set_aside_are_found_by_their_place_and_by_their_own_id(sender: Sender) -> None:
    wrong = {"key": "4", "traits": {}, "observed_at": "yesterday"}
    other = {**NAMED, "traits": {"title": "another"}}
    done = await sender.take(ndjson(NAMED, {**wrong, "message_id": "mine-4"}, wrong, other), format="ndjson")
    aside = ("quarantined", "bad_time")
    assert await fates(sender, done["id"], 1, 2, 3) == [APPLIED, aside, aside]
    assert await fates(sender, done["id"], 4) == [("quarantined", "message_id_reused")]
    assert (await sender.client.fate("mine-4"))["reason"] == "bad_time"


async def test_every_row_of_a_file_of_many_pages_is_found(sender: Sender) -> None:
    many = 2500
    rows = [[n, f"t{n % 900}", "2026-03-01T08:00:00Z" if n % 2 else ""] for n in range(many)]
    done = await sender.take(csv_file(["key", "title", "observed_at"], rows))
    assert (done["rows"]["accepted"] if isinstance(done.get("rows"), dict) else done["accepted"]) == many
    # The first line has the names of the columns.
    for place in (2, 3, 1000, 1001, 1002, 2000, 2001, 2002, many, many + 1):
        assert await fates(sender, done["id"], place) == [APPLIED]


@pytest.mark.parametrize("row", ["0", "99", "-1", "1x", "9" * 18, "9" * 40, "\u0661", ""])
async def test_a_row_that_is_not_there_is_not_found(sender: Sender, row: str) -> None:
    done = await sender.take(ndjson(NAMED), format="ndjson")
    assert (await sender.client.ask("GET", f"/v1/messages/{done['id']}-{row}")).status_code == 404
