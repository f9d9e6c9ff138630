"""Requests that share a transaction fare as if each had one of its own, after the one before it."""

from collections.abc import Sequence
from random import Random
from typing import Any

import orjson
import pytest

from app.core.runtime import Runtime
from app.core.strictjson import Items
from app.domain.record_ingest import Receipt, Submission, accept_all, prepare
from tests.make import Tenant, tenant

AT = "2026-11-20T10:00:00Z"


def submission(one: Tenant, number: int, said: Sequence[Any], source: str = "crm") -> Submission:
    items = Items([orjson.dumps(item) for item in said], list(said))
    return prepare(one.keyring, one.sources[source], items, batch_id=f"b{number}", max_bytes=4096)


async def taken(one: Tenant, submissions: Sequence[Submission]) -> list[Receipt]:
    async with one.rt.begin(one.id) as tx:
        return await accept_all(tx, one.keyring, submissions, now=one.rt.now())


def fate(receipts: Sequence[Receipt]) -> list[Any]:
    """What became of every item. Log entries are numbered as they first appear, for their ids are a sequence's."""
    numbers: dict[int, int] = {}
    found = []
    for each in receipts:
        entries = [None if id is None else numbers.setdefault(id, len(numbers)) for id in each.log_ids]
        wrong = [(index, fault.code) for index, fault in each.rejected]
        found.append((each.accepted, each.duplicates, wrong, each.repeats, entries))
    return found


def some(random: Random) -> list[Any]:
    """A few records over a few keys, contents, times and ids, so that much of it comes again."""
    made: list[Any] = []
    for _ in range(random.randint(1, 4)):
        said: dict[str, Any] = {"key": random.choice("ab"), "traits": {"city": random.choice(["Ulm", "Bonn"])}}
        match random.randint(0, 5):
            case 0:
                said["observed_at"] = AT
            case 1:
                said["message_id"] = random.choice("mn")
            case 2:
                said["colour"] = "no such member"
        made.append(said)
    return made


@pytest.mark.parametrize("seed", range(25))
async def test_together_or_one_after_the_other_is_the_same(rt: Runtime, seed: int) -> None:
    random = Random(seed)
    requests = [(some(random), random.choice(["crm", "web"])) for _ in range(random.randint(2, 6))]
    together, apart = await tenant(rt), await tenant(rt)
    half = len(requests) // 2
    told: list[Receipt] = []
    for part in (range(half), range(half, len(requests))):
        told += await taken(together, [submission(together, n, *requests[n]) for n in part])
    one_by_one = [await taken(apart, [submission(apart, n, *said)]) for n, said in enumerate(requests)]
    assert fate(told) == fate([receipt for (receipt,) in one_by_one])
    for table in ("ingest_log", "ingest_queue", "quarantine"):
        rows = [await one.rows(f"SELECT FROM {table} WHERE workspace_id = :workspace_id") for one in (together, apart)]
        assert len(rows[0]) == len(rows[1]), table


async def test_a_transaction_that_failed_leaves_nothing_behind_in_what_is_tried_again(rt: Runtime) -> None:
    one = await tenant(rt)
    made = submission(one, 1, [{"key": "a", "traits": {}, "observed_at": AT}, {"key": "b", "traits": {}}])
    async with one.rt.begin(one.id) as tx:
        await tx.conn.execute("SAVEPOINT tried")
        first = await accept_all(tx, one.keyring, [made], now=one.rt.now())
        await tx.conn.execute("ROLLBACK TO SAVEPOINT tried")
    assert fate(await taken(one, [made])) == fate(first)


async def test_of_two_words_about_one_key_the_later_request_holds(rt: Runtime) -> None:
    one = await tenant(rt)
    said = [submission(one, n, [{"key": "a", "traits": {"city": city}}]) for n, city in enumerate(["Ulm", "Bonn"])]
    await taken(one, said)
    rows = await one.rows("SELECT received_at FROM ingest_log WHERE workspace_id = :workspace_id ORDER BY received_at")
    assert len({row["received_at"] for row in rows}) == 2
