"""Work off what waits in the ingest log: lease, run the pipeline, and decide what a failure means.

A batch that fails because other writers or the database were in the way is
tried again whole. A batch that fails for its content is halved until the record
that fails stands alone; it gets its tries and then goes to quarantine, and its
neighbours go on.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg
import structlog

from app.core.errors import CdpError, Unavailable
from app.core.metrics import BATCHES, MESSAGES, STEP_SECONDS
from app.core.runtime import DATABASE_AWAY, Runtime
from app.core.sql import Queries, Tx
from app.domain import keys, quarantine
from app.domain.contention import Busy, retried
from app.domain.entries import Entry, SetAside
from app.domain.pipeline import STEPS, run
from app.domain.pipeline.run import Step

RETRY_AFTER_FAILURE = 1.0
"""Seconds until a single message that failed is tried again."""

# SQLSTATE classes that a message can cause: data exception, integrity violation, program limit exceeded. Any other
# database error (a missing table, a full disk) is nobody's message's fault and must set none aside.
CONTENT_CLASSES = ("22", "23", "54")

_pipeline = Queries("pipeline")
_workers = Queries("workers")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Lease:
    """The messages that this worker holds, with how often each was tried, this time included."""

    workspace_id: int
    id: int
    attempts: dict[int, int]


Owed: TypeAlias = list[tuple[Lease, Sequence[int]]]
"""Messages to give back as soon as the database takes it: their try ended for no fault of theirs."""


class Processor:
    """One worker's hand on the pipeline. `lease_id` names this run of this process: it fences every batch.

    `owed` outlives it, where its worker makes another one for the next batch.
    """

    def __init__(
        self,
        rt: Runtime,
        lease_id: int,
        *,
        steps: Sequence[tuple[str, Step]] = STEPS,
        owed: Owed | None = None,
    ) -> None:
        self.rt = rt
        self.lease_id = lease_id
        self.steps = steps
        self.owed: Owed = [] if owed is None else owed

    async def drain(self, workspace_id: int) -> int:
        """Work until nothing is due in the workspace; return how many messages were settled."""
        settled = 0
        while lease := await self.claim(workspace_id):
            settled += await self.process(lease)
        return settled

    async def claim(self, workspace_id: int) -> Lease | None:
        """Lease a batch, or None when nothing is due."""
        settings = self.rt.settings
        async with self.rt.begin(workspace_id) as tx:
            rows = await _pipeline.rows(
                tx, "claim", seconds=settings.lease_seconds, lease=self.lease_id, batch=settings.batch_size
            )
        return Lease(workspace_id, self.lease_id, {r["log_id"]: r["attempts"] for r in rows}) if rows else None

    async def process(self, lease: Lease) -> int:
        """Settle a leased batch; return how many messages reached their fate."""
        limit = self.rt.settings.max_attempts
        spent = [id for id, tries in lease.attempts.items() if tries > limit]
        if spent:
            # Each of these was alone in its last try and took its worker down with it.
            await self._set_aside(lease, spent, "poison", "Processing this message ended its worker, time and again.")
        fresh = sorted(id for id in lease.attempts if lease.attempts[id] <= limit)
        async with self._heartbeat(lease, fresh):
            try:
                return len(spent) + (await self._settle(lease, fresh) if fresh else 0)
            except MemoryError:
                raise  # which one message can cause: the try counts
            except Exception:
                await self._give_back(lease, fresh)
                raise

    async def _settle(self, lease: Lease, log_ids: Sequence[int]) -> int:
        try:
            return await retried(lambda: self._once(lease, log_ids))
        except Busy:
            await self._give_back(lease, log_ids)
            return 0
        except Unavailable as away:
            if _is_told_to_wait(away):
                self.owed.append((lease, log_ids))
                await self.pay()
            raise
        except Exception as failure:
            if not _for_its_content(failure):
                raise
            return await self._isolate(lease, log_ids, failure)

    async def _once(self, lease: Lease, log_ids: Sequence[int]) -> int:
        async with self.rt.begin(lease.workspace_id) as tx:
            keyring = await keys.keyring(self.rt, tx)
            entries = await self._entries(tx, lease, log_ids)
            if entries:
                now = await _workers.value(tx, "clock")
                batch = await run(tx, keyring, entries, now=now, timings=_measured, steps=self.steps)
                aside = len(batch.aside)
        if entries:
            BATCHES.labels("settled").inc()
            MESSAGES.labels("applied").inc(len(entries) - aside)
            MESSAGES.labels("quarantined").inc(aside)
        return len(entries)

    async def _entries(self, tx: Tx, lease: Lease, log_ids: Sequence[int]) -> list[Entry]:
        rows = await _pipeline.rows(tx, "entries", log_ids=list(log_ids), lease=lease.id)
        return [Entry(**row) for row in rows]

    async def _isolate(self, lease: Lease, log_ids: Sequence[int], failure: Exception) -> int:
        """Halve a failing batch; a single message that fails is tried later, and at last set aside."""
        BATCHES.labels("failed").inc()
        if len(log_ids) > 1:
            middle = len(log_ids) // 2
            return await self._settle(lease, log_ids[:middle]) + await self._settle(lease, log_ids[middle:])
        (log_id,) = log_ids
        log.warning("message_failed", log_id=log_id, attempt=lease.attempts[log_id], error=failure)
        if lease.attempts[log_id] >= self.rt.settings.max_attempts:
            code = failure.code if isinstance(failure, CdpError) else "failed"
            detail = str(failure) if isinstance(failure, CdpError) else f"Processing raised {type(failure).__name__}."
            return await self._set_aside(lease, log_ids, code, detail)
        async with self.rt.begin(lease.workspace_id) as tx:
            await _pipeline.run(tx, "extend", log_ids=[log_id], lease=lease.id, seconds=RETRY_AFTER_FAILURE)
        return 0

    async def _set_aside(self, lease: Lease, log_ids: Sequence[int], code: str, detail: str) -> int:
        async with self.rt.begin(lease.workspace_id) as tx:
            now = await _workers.value(tx, "clock")
            keyring = await keys.keyring(self.rt, tx)
            entries = await self._entries(tx, lease, log_ids)
            aside = [SetAside(entry.log_id, code, "", detail) for entry in entries]
            await quarantine.set_aside_entries(tx, keyring, entries, aside, now=now)
            nothing = [None] * len(entries)
            await _pipeline.run(
                tx,
                "settle",
                now=now,
                log_ids=[entry.log_id for entry in entries],
                fates=["quarantined"] * len(entries),
                reasons=[code] * len(entries),
                record_ids=nothing,
                profile_ids=nothing,
                versions=nothing,
            )
        return len(entries)

    async def pay(self) -> None:
        """Give back what is owed. Raises Unavailable as long as the database does not take it."""
        while self.owed:
            await self._give_back(*self.owed[-1])
            self.owed.pop()

    async def _give_back(self, lease: Lease, log_ids: Sequence[int]) -> None:
        """Take the try back, as soon as the database hears: else an outage would spend the tries of whoever waits."""
        for _ in range(self.rt.settings.lease_seconds):
            with contextlib.suppress(Unavailable):
                async with self.rt.begin(lease.workspace_id) as tx:
                    await _pipeline.run(tx, "give_back", log_ids=list(log_ids), lease=lease.id)
                return
            await asyncio.sleep(1)

    @asynccontextmanager
    async def _heartbeat(self, lease: Lease, log_ids: Sequence[int]) -> AsyncIterator[None]:
        """Extend the lease every third of its length while the block works."""
        seconds = self.rt.settings.lease_seconds

        async def beat() -> None:
            while True:
                await asyncio.sleep(seconds / 3)
                with contextlib.suppress(Unavailable):
                    async with self.rt.begin(lease.workspace_id) as tx:
                        await _pipeline.run(tx, "extend", log_ids=list(log_ids), lease=lease.id, seconds=seconds)

        beating = asyncio.create_task(beat())
        try:
            yield
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)


def _is_told_to_wait(away: Unavailable) -> bool:
    """Whether a database that lives refused a batch for a reason of its own, as a full disk is. Where it fell silent
    or died nothing is sure: then the try counts, so that a message that does this to it stands alone in the end."""
    cause = away.__cause__
    return isinstance(cause, asyncpg.PostgresError) and not isinstance(cause, DATABASE_AWAY)


def _for_its_content(failure: Exception) -> bool:
    """Whether the messages of a batch, and not the state of the house, made it fail."""
    if isinstance(failure, asyncpg.PostgresError):
        return (failure.sqlstate or "")[:2] in CONTENT_CLASSES
    return not isinstance(failure, OSError | MemoryError | asyncpg.InterfaceError)


def _measured(step: str, seconds: float) -> None:
    STEP_SECONDS.labels(step).observe(seconds)
