"""One worker's hand on imports: what it sweeps, when it waits, and how it goes past what the database refuses."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.core.crypto.keyring import Keyring
from app.core.errors import Conflict
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.domain import sources
from app.domain.imports import ledger, pieces
from app.domain.imports.ledger import Import
from app.domain.imports.options import Options
from app.domain.workspaces import Workspace
from app.workers.imports import PAGE_ROWS, POISON, ImportWorker

BACKLOG = 100
LARGE = 50_000


@pytest.fixture
async def small(settings: Settings) -> AsyncIterator[Runtime]:
    """A runtime that lets little wait for the pipeline."""
    opened = await Runtime.open(settings.model_copy(update={"max_backlog": BACKLOG}))
    yield opened
    await opened.close()


class Desk:
    """Uploads of one workspace, and a worker that is called by hand."""

    def __init__(self, rt: Runtime, workspace: Workspace, keyring: Keyring) -> None:
        self.rt, self.workspace, self.keyring = rt, workspace, keyring
        self.stopping = asyncio.Event()
        self.worker = ImportWorker(rt, lambda: 1, self.stopping)

    async def upload(self, body: bytes, *, whole: bool = True) -> int:
        async with self.rt.begin(self.workspace.id) as tx:
            source = await sources.ensure(tx, "crm", now=self.rt.now())
            id = await ledger.create(tx, source, "csv", Options(), now=self.rt.now())
            await pieces.add(tx, self.keyring, id, 0, body)
            if whole:
                await ledger.uploaded(tx, id)
        return id

    async def execute(self, sql: str) -> None:
        async with self.rt.begin(self.workspace.id) as tx:
            await tx.conn.execute(sql)

    async def one(self, id: int) -> Import:
        async with self.rt.begin(self.workspace.id) as tx:
            return await ledger.one(tx, id)

    async def count(self, table: str) -> int:
        async with self.rt.begin(self.workspace.id) as tx:
            return int(await tx.conn.fetchval(f"SELECT count(*) FROM {table}"))


@pytest.fixture
def desk(small: Runtime, workspace: Workspace, keyring: Keyring) -> Desk:
    return Desk(small, workspace, keyring)


async def test_an_upload_that_fell_silent_is_cleared_away(desk: Desk) -> None:
    alive, silent = await desk.upload(b"id\n", whole=False), await desk.upload(b"id\n", whole=False)
    await desk.execute(f"UPDATE imports SET leased_until = now() - interval '1 second' WHERE id = {silent}")
    await desk.worker.look()
    found = await desk.one(silent)
    assert (found.state, found.failure) == ("failed", ledger.BROKE_OFF)
    assert (await desk.one(alive)).state == "uploading"
    assert await desk.count("import_chunks") == 1


async def test_an_upload_that_was_given_up_takes_no_more(desk: Desk) -> None:
    id = await desk.upload(b"id\n", whole=False)
    async with desk.rt.begin(desk.workspace.id) as tx:
        await ledger.give_up(tx, id, now=desk.rt.now())
    for add in (True, False):
        with pytest.raises(Conflict):
            async with desk.rt.begin(desk.workspace.id) as tx:
                await (pieces.add(tx, desk.keyring, id, 1, b"x") if add else ledger.uploaded(tx, id))


async def test_reading_waits_while_much_waits_for_the_pipeline(desk: Desk) -> None:
    id = await desk.upload(b"id\n" + b"".join(b"%d\n" % n for n in range(2 * PAGE_ROWS)))
    working = asyncio.create_task(desk.worker.look())
    await asyncio.sleep(1.5)
    assert ((await desk.one(id)).rows_read, working.done()) == (PAGE_ROWS, False)
    await desk.execute(f"DELETE FROM ingest_queue WHERE workspace_id = {desk.workspace.id}")
    await asyncio.wait_for(working, 20)
    assert ((await desk.one(id)).rows_read, (await desk.one(id)).state) == (2 * PAGE_ROWS, "done")


async def test_a_worker_that_is_asked_to_end_leaves_the_rest_to_another(desk: Desk) -> None:
    id = await desk.upload(b"id\n" + b"".join(b"%d\n" % n for n in range(2 * PAGE_ROWS)))
    working = asyncio.create_task(desk.worker.look())
    await asyncio.sleep(1.0)
    desk.stopping.set()
    await asyncio.wait_for(working, 20)
    found = await desk.one(id)
    assert (found.state, found.rows_read, found.attempts) == ("running", PAGE_ROWS, 0)
    await desk.execute(f"DELETE FROM ingest_queue WHERE workspace_id = {desk.workspace.id}")
    await ImportWorker(desk.rt, lambda: 2, asyncio.Event()).look()
    assert (await desk.one(id)).accepted == 2 * PAGE_ROWS


async def test_a_row_that_the_database_refuses_is_set_aside_alone(desk: Desk, settings: Settings) -> None:
    owner = await asyncpg.connect(settings.owner_url)
    try:
        await owner.execute(
            f"ALTER TABLE ingest_log ADD CONSTRAINT no_large CHECK (octet_length(body) < {LARGE}) NOT VALID"
        )
        rows = [b"%d,%s\n" % (n, b"x" * (LARGE if n == 13 else 1)) for n in range(40)]
        id = await desk.upload(b"id,a\n" + b"".join(rows))
        await desk.worker.look()
    finally:
        await owner.execute("ALTER TABLE ingest_log DROP CONSTRAINT no_large")
        await owner.close()
    found = await desk.one(id)
    assert (found.state, found.accepted, found.rejected, found.rows_read) == ("done", 39, 1, 40)
    async with desk.rt.begin(desk.workspace.id) as tx:
        row = await tx.conn.fetchrow("SELECT code, position FROM quarantine")
    assert tuple(row) == ("failed", 15)


async def test_a_file_that_ends_its_workers_is_given_up(desk: Desk) -> None:
    id = await desk.upload(b"id\n1\n")
    await desk.execute(f"UPDATE imports SET attempts = {desk.rt.settings.max_attempts} WHERE id = {id}")
    await desk.worker.look()
    found = await desk.one(id)
    assert (found.state, found.failure, found.accepted) == ("failed", POISON, 0)
