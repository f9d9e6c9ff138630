"""Workers that are killed in the middle of a file: nothing lost, nothing doubled, and a memory that does not grow."""

import asyncio
import io
import time
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.imports.conftest import Sender
from tests.live import Live, Server

ROWS = 5_000
MANY_ROWS = 100_000
MEGABYTE = 1 << 20
ROOM = 64 * MEGABYTE
"""What an import may add to a worker's memory, whatever the size of the file."""


def line(n: int) -> bytes:
    return b"%d,person%d@example.com,%s\n" % (n, n, b"x" * (n % 97))


async def generated(rows: int) -> AsyncIterator[bytes]:
    """A CSV file that exists nowhere; every thousandth row is bad."""
    yield b"id,email,note\n"
    for first in range(0, rows, 1000):
        yield b"".join(b"bad\n" if n % 1000 == 999 else line(n) for n in range(first, first + 1000))


async def reached(sender: Sender, id: str, rows: int) -> Any:
    """The import once it has read that many rows, or has ended."""
    deadline = time.monotonic() + 120
    while True:
        found = (await sender.client.ask("GET", f"/v1/imports/{id}")).json()
        if found["rows_read"] >= rows or found["state"] in ("done", "failed"):
            return found
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.005)


async def nothing_lost_nothing_doubled(sender: Sender, id: str, rows: int) -> None:
    done = await sender.ended(id)
    bad = rows // 1000
    told = {name: done[name] for name in ("state", "rows_read", "accepted", "duplicates", "rejected")}
    assert told == {
        "state": "done", "rows_read": rows, "accepted": rows - bad, "duplicates": 0, "rejected": bad
    }  # fmt: skip
    keys = [int(record["key"]) for record in await sender.records()]
    assert keys == [n for n in range(rows) if n % 1000 != 999]
    assert [int(each["row"]) for each in await sender.rejected(id)] == [n + 2 for n in range(999, rows, 1000)]
    assert await sender.pieces() == 0


@pytest.fixture
async def running(live: Live) -> AsyncIterator[Server]:
    """The worker of the product, which runs again when the test ends."""
    yield live.worker
    if live.worker.process is None or live.worker.process.poll() is not None:
        live.worker.start()


async def killed_again_and_again(sender: Sender, worker: Server, id: str, rows: int, kills: int) -> None:
    for kill in range(1, kills + 1):
        found = await reached(sender, id, rows * kill // (kills + 1))
        assert found["state"] == "running", "killed in the middle, not afterwards"
        worker.kill()
        worker.start()


async def test_a_killed_worker_loses_and_doubles_no_row(sender: Sender, running: Server) -> None:
    id = (await sender.send(generated(ROWS))).json()["id"]
    await killed_again_and_again(sender, running, id, ROWS, 2)
    await nothing_lost_nothing_doubled(sender, id, ROWS)


async def test_a_killed_worker_goes_on_within_a_parquet_file(sender: Sender, running: Server) -> None:
    table = pa.table({"id": list(range(ROWS)), "email": [f"person{n}@example.com" for n in range(ROWS)]})
    body = io.BytesIO()
    pq.write_table(table, body, row_group_size=1500)
    id = (await sender.send(body.getvalue(), format="parquet")).json()["id"]
    await killed_again_and_again(sender, running, id, ROWS, 2)
    done = await sender.ended(id)
    assert (done["state"], done["rows_read"], done["accepted"]) == ("done", ROWS, ROWS)
    assert [int(record["key"]) for record in await sender.records()] == list(range(ROWS))


async def lease_ran_out(live: Live, workspace_id: int) -> bool:
    """Let the lease of the import run out; False where its holder is in the middle of a transaction."""
    async with live.rt.begin(workspace_id) as tx:
        free = await tx.conn.fetchval("SELECT id FROM imports WHERE state = 'running' FOR UPDATE SKIP LOCKED")
        await tx.conn.execute("UPDATE imports SET leased_until = now() - interval '1 second' WHERE id = $1", free)
    return free is not None


async def test_a_worker_that_was_paused_past_its_lease_changes_nothing(
    live: Live, sender: Sender, running: Server
) -> None:
    second = Server("worker-1", live.settings)
    id = (await sender.send(generated(4 * ROWS))).json()["id"]
    await reached(sender, id, 1000)
    ran_out = False
    while not ran_out:
        with running.paused():
            if ran_out := await lease_ran_out(live, sender.client.workspace.id):
                second.start()
                assert (await reached(sender, id, 3 * ROWS))["state"] == "running"
        await asyncio.sleep(0.005)
    try:
        await nothing_lost_nothing_doubled(sender, id, 4 * ROWS)
    finally:
        second.stop()


async def watched(worker: Server, work: "asyncio.Task[Any]") -> int:
    """The largest memory of the worker while the work lasts, in bytes."""
    assert worker.process is not None
    process = psutil.Process(worker.process.pid)
    most = 0
    while not work.done():
        most = max(most, process.memory_info().rss)
        await asyncio.sleep(0.02)
    await work
    return most


@pytest.mark.parametrize("format", ["csv", "ndjson", "json"])
async def test_the_memory_does_not_grow_with_the_file(sender: Sender, running: Server, format: str) -> None:
    """100 MB of rows that are too large to be taken: read to the end, and none of them built."""
    await sender.take(b"id\n1\n")
    before = psutil.Process(running.process.pid).memory_info().rss  # type: ignore[union-attr]

    async def body() -> AsyncIterator[bytes]:
        head, row, tail = {
            "csv": (b"id,note\n", b"1,%s\n", b""),
            "ndjson": (b"", b'{"id": 1, "note": "%s"}\n', b""),
            "json": (b'[{"id": 0}', b', {"id": 1, "note": "%s"}', b"]"),
        }[format]
        yield head
        for _ in range(10):
            opening, closing = row.split(b"%s")
            yield opening
            for _ in range(10):
                yield b"x" * MEGABYTE
            yield closing
        yield tail

    work = asyncio.create_task(sender.take(body(), format=format))
    most = await watched(running, work)
    assert work.result()["rejected"] == 10
    assert most - before < ROOM, (most - before) / MEGABYTE


@pytest.mark.slow
async def test_a_hundred_thousand_rows_survive_many_kills_in_bounded_memory(sender: Sender, running: Server) -> None:
    id = (await sender.send(generated(MANY_ROWS))).json()["id"]
    await killed_again_and_again(sender, running, id, MANY_ROWS, 5)
    await nothing_lost_nothing_doubled(sender, id, MANY_ROWS)
