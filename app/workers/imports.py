"""Work off imports: lease a file, read it a page at a time, and commit each page with the place behind it.

A worker that is killed loses nothing and doubles nothing: the next one reads on from the last commit. A row that the
database refuses for its content is set aside alone. Where the workspace's backlog is long, reading waits.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import structlog

from app.core.crypto.keyring import Keyring
from app.core.doorbell import Doorbell
from app.core.errors import Conflict, Fault, NotFound, Refused
from app.core.ids import PublicIds
from app.core.runtime import Runtime
from app.core.sql import Tx
from app.domain import ingest_log, keys, sources, workspaces
from app.domain.contention import retried
from app.domain.formats.row import Mark, Row
from app.domain.imports import ledger, pieces, rejected
from app.domain.imports import rows as kept_rows
from app.domain.imports.ledger import Import
from app.domain.imports.reading import StoredFile, read
from app.domain.imports.shape import Shape
from app.domain.record_ingest import Item, Receipt, accept
from app.domain.sources import Source
from app.workers.process import CONTENT_CLASSES

PAGE_ROWS = 1000
BACKLOG_PAUSE = 0.5
SILENT_EVERY = 30.0
"""Seconds between two looks for uploads that broke off without a word."""

POISON = "Reading this file ended its worker, time and again; send it in parts to find the place."

log = structlog.get_logger(__name__)


class Stopping(Exception):
    """This process is asked to end; the import goes on elsewhere."""


@dataclass(slots=True)
class Task:
    """One import in this worker's hand. `mark`: the place behind the last commit."""

    workspace_id: int
    lease: int
    job: Import
    batch_id: str
    source: Source
    mark: Mark
    columns: list[str] = field(default_factory=list)


class ImportWorker:
    """Looks for imports and works them off, one at a time. `lease` names this run of this process."""

    def __init__(self, rt: Runtime, lease: Callable[[], int], stopping: asyncio.Event) -> None:
        self.rt = rt
        self.lease = lease
        self.stopping = stopping
        self._doorbell = Doorbell(rt.settings.redis_url)
        self._silent_at = 0.0

    async def look(self) -> int:
        """Work off what is due in every workspace; return how many imports were in hand."""
        await self._end_silent_uploads()
        async with self.rt.lobby() as lobby:
            due = await ledger.due(lobby)
        worked = 0
        for workspace_id in due:
            while not self.stopping.is_set() and await self._work_next(workspace_id):
                worked += 1
        return worked

    async def close(self) -> None:
        await self._doorbell.close()

    async def _end_silent_uploads(self) -> None:
        if time.monotonic() < self._silent_at:
            return
        self._silent_at = time.monotonic() + SILENT_EVERY
        async with self.rt.lobby() as lobby:
            everywhere = await workspaces.directory(lobby)
        for workspace in everywhere:
            async with self.rt.begin(workspace.id) as tx:
                await ledger.give_up_silent(tx, now=self.rt.now())

    async def _work_next(self, workspace_id: int) -> bool:
        lease = self.lease()
        async with self.rt.begin(workspace_id) as tx:
            job = await ledger.claim(tx, lease, seconds=self.rt.settings.lease_seconds)
        if job is None:
            return False
        try:
            async with self._heartbeat(workspace_id, job.id, lease):
                await self._work(workspace_id, lease, job)
        except Conflict as lost:
            log.warning("import_lost", import_id=job.id, reason=str(lost))
        except Stopping:
            await self._let_go(workspace_id, job.id, lease)
        except Exception:
            # For nothing in the file: the next look tries again.
            with contextlib.suppress(Exception):
                await self._let_go(workspace_id, job.id, lease)
            raise
        return True

    async def _work(self, workspace_id: int, lease: int, job: Import) -> None:
        if job.finished_at is None:
            failure = POISON
            if job.attempts <= self.rt.settings.max_attempts:
                failure = await self._read(workspace_id, lease, job) or ""
            async with self.rt.begin(workspace_id) as tx:
                await ledger.finish(tx, job.id, lease, now=self.rt.now(), failure=failure or None)
        left = True
        while left:
            async with self.rt.begin(workspace_id) as tx:
                left = await pieces.clear(tx, job.id)
        async with self.rt.begin(workspace_id) as tx:
            await ledger.end(tx, job.id, lease)

    async def _read(self, workspace_id: int, lease: int, job: Import) -> str | None:
        """Read the file to its end; return why that cannot be, where it cannot."""
        try:
            task = await self._task(workspace_id, lease, job)
            file = StoredFile(job.bytes, lambda number: self._piece(workspace_id, job.id, number))
            reading = await read(job.format, file, job.options, job.mark, max_bytes=self.rt.settings.max_record_bytes)
            shape = Shape(job.format, job.options, task.source, reading.names)
            if reading.total is not None and job.total is None:
                async with self.rt.begin(workspace_id) as tx:
                    await ledger.note_total(tx, job.id, lease, reading.total)
            async for rows in reading.rows:
                for first in range(0, len(rows), PAGE_ROWS):
                    await self._room(workspace_id)
                    page = rows[first : first + PAGE_ROWS]
                    await self._page(task, page, [shape.item(row) for row in page])
        except (Refused, NotFound) as broken:
            return str(broken)
        return None

    async def _task(self, workspace_id: int, lease: int, job: Import) -> Task:
        async with self.rt.lobby() as lobby:
            salt = next(each.salt for each in await workspaces.directory(lobby) if each.id == workspace_id)
        async with self.rt.begin(workspace_id) as tx:
            source = (await sources.all_sources(tx)).get(job.source_id)
            if source is None:
                raise NotFound("The source of this import is not there any more.")
            columns = await pieces.columns(tx, await keys.keyring(self.rt, tx), job.id)
        return Task(workspace_id, lease, job, PublicIds(salt).encode(job.id), source, job.mark, columns)

    async def _piece(self, workspace_id: int, import_id: int, number: int) -> bytes:
        async with self.rt.begin(workspace_id) as tx:
            return await pieces.one(tx, await keys.keyring(self.rt, tx), import_id, number)

    async def _room(self, workspace_id: int) -> None:
        """Wait until the pipeline has room for a page: an import must not make the API refuse what comes live."""
        limit = self.rt.settings.max_backlog // 2
        while True:
            if self.stopping.is_set():
                raise Stopping
            async with self.rt.begin(workspace_id) as tx:
                if await ingest_log.depth(tx, cap=limit + 1) <= limit:
                    return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), BACKLOG_PAUSE)

    async def _page(self, task: Task, rows: Sequence[Row], items: Sequence[Item]) -> None:
        """Commit some rows and the place behind them; what fails for its content is halved until it stands alone."""
        try:
            await retried(lambda: self._once(task, rows, items))
        except asyncpg.PostgresError as failure:
            if (failure.sqlstate or "")[:2] not in CONTENT_CLASSES:
                raise
            await self._isolate(task, rows, items)
        await self._doorbell.ring()

    async def _isolate(self, task: Task, rows: Sequence[Row], items: Sequence[Item]) -> None:
        if len(rows) > 1:
            middle = len(rows) // 2
            await self._page(task, rows[:middle], items[:middle])
            await self._page(task, rows[middle:], items[middle:])
            return
        (item,) = items
        if isinstance(item.value, Fault):
            raise Refused(f"Row {item.position} can neither be taken nor be set aside.")
        fault = Fault("", "failed", "The database does not take this row.")
        await self._page(task, rows, [Item(item.position, item.raw, fault, item.beside)])

    async def _once(self, task: Task, rows: Sequence[Row], items: Sequence[Item]) -> None:
        async with self.rt.begin(task.workspace_id) as tx:
            keyring = await keys.keyring(self.rt, tx)
            await ledger.hold(tx, task.job.id, task.lease, task.mark)
            now = self.rt.now()
            receipt = await accept(
                tx,
                keyring,
                task.source,
                items,
                now=now,
                batch_id=task.batch_id,
                max_bytes=self.rt.settings.max_record_bytes,
                import_id=task.job.id,
            )
            await kept_rows.keep(tx, task.job.id, [item.position for item in items], receipt, now=now)
            columns = await _keep_columns(tx, keyring, task, items, receipt)
            await ledger.move(
                tx,
                task.job.id,
                rows[-1].after,
                rows=len(rows),
                accepted=receipt.accepted,
                duplicates=receipt.duplicates,
                rejected=len(receipt.rejected),
            )
        task.mark, task.columns = rows[-1].after, columns

    @asynccontextmanager
    async def _heartbeat(self, workspace_id: int, import_id: int, lease: int) -> AsyncIterator[None]:
        """Extend the lease every third of its length while the block works."""
        seconds = self.rt.settings.lease_seconds

        async def beat() -> None:
            while True:
                await asyncio.sleep(seconds / 3)
                with contextlib.suppress(Exception):
                    async with self.rt.begin(workspace_id) as tx:
                        await ledger.extend(tx, import_id, lease, seconds=seconds)

        beating = asyncio.create_task(beat())
        try:
            yield
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)

    async def _let_go(self, workspace_id: int, import_id: int, lease: int) -> None:
        async with self.rt.begin(workspace_id) as tx:
            await ledger.let_go(tx, import_id, lease)


async def _keep_columns(tx: Tx, keyring: Keyring, task: Task, items: Sequence[Item], receipt: Receipt) -> list[str]:
    """Remember, sealed, which columns the rejected rows have, so that their download can begin with a header."""
    known = dict.fromkeys(task.columns)
    for index, _ in receipt.rejected:
        item = items[index]
        if len(known) < rejected.MAX_COLUMNS:
            known.update(dict.fromkeys(rejected.fields({"message": item.value, **item.beside})))
    columns = list(known)[: rejected.MAX_COLUMNS]
    if columns != task.columns:
        await pieces.put_columns(tx, keyring, task.job.id, columns)
    return columns


async def import_loop(
    rt: Runtime, lease: Callable[[], int], stopping: asyncio.Event, well: Callable[[], None] = lambda: None
) -> None:
    """Work off imports until `stopping` is set; the page in hand is finished first. Begins when there is a lease.

    `well` is called after every look.
    """
    worker = ImportWorker(rt, lease, stopping)
    try:
        while not stopping.is_set():
            if lease():
                await worker.look()
                well()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), rt.settings.sweep_seconds)
    finally:
        await worker.close()
