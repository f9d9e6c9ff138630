"""Group commit: requests that wait at the same moment share one transaction.

While one transaction of a workspace is under way the next requests gather; then
they leave together. Alone, a request waits for nobody; under load, one fsync
serves hundreds. Where thousands of messages gather, a second transaction leaves
beside the first: this process then makes the one ready while the database
writes the other. Every answer comes after the commit that holds its messages.
"""

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar

from app.core.doorbell import Doorbell
from app.core.errors import Overloaded, Unavailable
from app.core.runtime import Runtime
from app.core.sql import Tx
from app.domain import ingest_log

P = TypeVar("P")

MAX_TOGETHER = 5_000
"""Messages in one transaction."""

ABREAST = 2
"""Transactions of one workspace under way at once."""

ENOUGH = 1_000
"""Messages for which it is worth to leave beside another transaction; fewer cost less together with those to come."""

DEPTH_SECONDS = 1.0
DRAIN_RATE = 3_000
"""Messages a second that a worker settles at least: what a sender is asked to wait follows from it."""

LONGEST_WAIT = 60


@dataclass(slots=True)
class Job(Generic[P]):
    """One request's part of a transaction: what it brings, how many messages that is, and who waits for it."""

    part: P
    size: int
    done: asyncio.Future[None]


@dataclass(slots=True)
class Lane(Generic[P]):
    """The requests of one workspace, and what is known of its backlog."""

    waiting: list[Job[P]] = field(default_factory=list)
    messages: int = 0
    """Of those that wait, all together."""
    under_way: int = 0
    alone: int = 0
    """Requests, waiting or under way, that let no transaction beside their own."""
    depth: int = 0
    depth_at: float = float("-inf")

    def may_leave(self, under_way: int) -> bool:
        """Whether those that wait may leave beside so many transactions."""
        if not under_way or not self.waiting:
            return bool(self.waiting)
        return under_way < ABREAST and self.messages >= ENOUGH and not self.alone

    def add(self, job: Job[P]) -> None:
        self.waiting.append(job)
        self.messages += job.size

    def take(self, most: float) -> list[Job[P]]:
        """The requests that leave together: as many as fit, at least one."""
        size, count = 0, 0
        for job in self.waiting:
            if count and size + job.size > most:
                break
            size += job.size
            count += 1
        together, self.waiting = self.waiting[:count], self.waiting[count:]
        self.messages -= size
        return together


class GroupCommit(Generic[P]):
    """One lane a workspace; the lanes do not wait for one another. `write` puts any number of parts into one
    transaction."""

    def __init__(self, rt: Runtime, doorbell: Doorbell, write: Callable[[Tx, Sequence[P]], Awaitable[None]]) -> None:
        self._rt = rt
        self._doorbell = doorbell
        self._write = write
        self._lanes: dict[int, Lane[P]] = defaultdict(Lane)
        self._tasks: set[asyncio.Future[None]] = set()

    async def put(self, workspace_id: int, part: P, size: int, *, abreast: bool = True) -> None:
        """Write a part in a shared transaction; return after its commit. Raises Overloaded when too much waits.

        Not `abreast` is what must see all that was put before it.
        """
        lane = self._lanes[workspace_id]
        await self._refuse_overload(workspace_id, lane)
        job = Job(part, size, asyncio.get_running_loop().create_future())
        lane.add(job)
        if lane.may_leave(lane.under_way):
            lane.under_way += 1
            self._spawn(self._leave(workspace_id, lane))
        lane.alone += not abreast
        try:
            await job.done
        finally:
            lane.alone -= not abreast

    async def close(self) -> None:
        """Wait for what is under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _leave(self, workspace_id: int, lane: Lane[P]) -> None:
        try:
            while lane.may_leave(lane.under_way - 1):
                together = lane.take(MAX_TOGETHER)
                try:
                    await self._commit(workspace_id, together)
                except Unavailable as away:
                    # Alone none would fare better, and those behind them have waited for the same silence already.
                    _refuse([*together, *lane.take(math.inf)], away)
                except Exception as failure:  # noqa: BLE001 — each waiting request gets it
                    await self._one_by_one(workspace_id, together, failure)
                self._spawn(self._doorbell.ring())
        finally:
            lane.under_way -= 1

    async def _commit(self, workspace_id: int, together: Sequence[Job[P]]) -> None:
        async with self._rt.begin(workspace_id) as tx:
            await self._write(tx, [job.part for job in together])
        for job in together:
            if not job.done.done():
                job.done.set_result(None)

    async def _one_by_one(self, workspace_id: int, together: Sequence[Job[P]], failure: Exception) -> None:
        """A request that cannot be committed must not take the others of its transaction along."""
        for job in together:
            reason: Exception = failure
            if len(together) > 1:
                try:
                    await self._commit(workspace_id, [job])
                    continue
                except Exception as own:  # noqa: BLE001 — the request gets its own failure
                    reason = own
            _refuse([job], reason)

    async def _refuse_overload(self, workspace_id: int, lane: Lane[P]) -> None:
        limit = self._rt.settings.max_backlog
        age = time.monotonic() - lane.depth_at
        if age > DEPTH_SECONDS:
            lane.depth_at = time.monotonic()
            async with self._rt.begin(workspace_id) as tx:
                lane.depth = await ingest_log.depth(tx, cap=limit + 1)
        if lane.depth > limit:
            wait = min(LONGEST_WAIT, 1 + limit // 10 // DRAIN_RATE)
            raise Overloaded(
                f"More than {limit} messages wait to be processed; send this again in {wait} s.",
                retry_after=timedelta(seconds=wait),
            )


def _refuse(jobs: Sequence[Job[P]], reason: Exception) -> None:
    for job in jobs:
        if not job.done.done():
            job.done.set_exception(reason)
