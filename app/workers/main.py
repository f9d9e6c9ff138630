"""A worker process: `python -m app.workers.main`.

arq is a doorbell: its jobs carry no data and only say "look". What there is to
do stands in PostgreSQL, and a sweep looks there too, so that a bell that was
lost (the queue server killed, flushed or away) costs a second and nothing else.
"""

import asyncio
import contextlib
import logging
import random
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from arq.worker import Worker, func
from redis.exceptions import RedisError

from app.core.doorbell import BELL, QUEUE, bell_pool
from app.core.errors import CdpError, Unavailable
from app.core.garbage import collect_seldom
from app.core.log import set_up
from app.core.runtime import WORK_PATIENCE, Runtime, is_away
from app.core.settings import Settings
from app.core.sql import Queries
from app.workers.imports import import_loop
from app.workers.outages import LEAST, Lack, Outages
from app.workers.process import Owed, Processor
from app.workers.refresh import refresh_due
from app.workers.roster import Roster

POLL_SECONDS = 0.02
"""How often arq looks for the bell: the larger part of the time from accepted to visible."""

TEND_EVERY = 1.0
CANCEL_EVERY = 0.1
CONNECTIONS = 6
"""One for each loop below that works on the database, and one for each of their heartbeats."""

_workers = Queries("workers")


class PipelineWorker:
    """Drains every workspace that has work, one batch each in turn, whenever the bell or the sweep says so.

    What runs beside the draining has loops of its own: under a load that never ends, a look never ends either.
    """

    def __init__(self, rt: Runtime, roster: Roster, outages: Outages) -> None:
        self.rt = rt
        self.roster = roster
        self.outages = outages
        self.stopping = asyncio.Event()
        self._bell = asyncio.Event()
        self._owed: Owed = []

    def stop(self) -> None:
        """Ask every loop to end after what it has in hand."""
        self.stopping.set()
        self._bell.set()

    async def tend(self) -> None:
        """Stay on the roster, and take over from workers that died."""
        while not self.stopping.is_set():
            if self.roster.is_lost:
                await self.roster.enlist()
            await self.roster.bury()
            self.outages.well("tend")
            await self._pause(TEND_EVERY)

    async def drain(self) -> None:
        """Work until nothing is due, at every bell and, for bells that were lost, every `sweep_seconds`."""
        while not self.stopping.is_set():
            self._bell.clear()
            while await self._round():
                self.outages.well("drain")
            self.outages.well("drain")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._bell.wait(), self.rt.settings.sweep_seconds)

    async def _round(self) -> bool:
        """One batch of every workspace that has work; whether any was to be had."""
        processor = Processor(self.rt, self.roster.lease, owed=self._owed)
        await processor.pay()
        async with self.rt.lobby() as tx:
            due = [row["id"] for row in await _workers.rows(tx, "due")]
        random.shuffle(due)
        claimed = False
        for workspace_id in due:
            if self.stopping.is_set():
                return False
            if (lease := await processor.claim(workspace_id)) is not None:
                claimed = True
                await processor.process(lease)
        return claimed

    async def walk(self) -> None:
        """Derive profiles again where rules have changed."""
        while not self.stopping.is_set():
            await refresh_due(self.rt, self.roster.lease)
            self.outages.well("walk")
            await self._pause(self.rt.settings.sweep_seconds)

    async def listen(self) -> None:
        """Hear the bell through arq. The work itself is not arq's: when it loses the queue server, it ends its jobs."""
        if self.rt.settings.redis_url is None:
            await self.stopping.wait()
            return

        async def hear(_: dict[Any, Any]) -> None:
            self._bell.set()

        async def connected(_: dict[Any, Any]) -> None:
            self.outages.well("listen")

        worker = Worker(
            functions=[func(hear, name=BELL, keep_result=0, max_tries=1)],  # type: ignore[arg-type]
            redis_pool=bell_pool(self.rt.settings.redis_url),
            queue_name=QUEUE,
            on_startup=connected,  # type: ignore[arg-type]
            poll_delay=POLL_SECONDS,
            handle_signals=False,
            keep_result=0,
        )
        try:
            await worker.async_run()
        finally:
            with contextlib.suppress(Exception):
                await worker.close()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)


async def keep(name: str, work: Callable[[], Awaitable[None]], stopping: asyncio.Event, outages: Outages) -> None:
    """Run a loop for ever; what ends it is told seldom, and it begins again, ever later as long as it fails."""
    while not stopping.is_set():
        wait = LEAST
        try:
            await work()
        except Exception as failure:  # noqa: BLE001  whatever it is, the loop must go on; it is told
            wait = outages.failed(name, lack_of(failure), failure)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), wait)


def lack_of(failure: Exception) -> Lack:
    """What a loop lacked that ended by this."""
    if isinstance(failure, RedisError):
        return Lack.QUEUE
    if is_away(failure) or (isinstance(failure, Unavailable) and failure.__cause__ and is_away(failure.__cause__)):
        return Lack.DATABASE
    return Lack.CAUSE if isinstance(failure, CdpError) else Lack.FAULT


async def serve(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; the batch in hand is finished first."""
    collect_seldom()
    rt = await Runtime.open(settings, pool_size=CONNECTIONS, patience=WORK_PATIENCE)
    roster = Roster(rt)
    outages = Outages()
    worker = PipelineWorker(rt, roster, outages)
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, worker.stop)

    async def imports() -> None:
        await import_loop(rt, lambda: roster.lease, worker.stopping, lambda: outages.well("imports"))

    def start(name: str, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        return asyncio.create_task(keep(name, work, worker.stopping, outages))

    listening = start("listen", worker.listen)
    tasks = [start("tend", worker.tend)]
    try:
        await _either(roster.enlisted, worker.stopping)
        loops = {"drain": worker.drain, "walk": worker.walk, "imports": imports}
        tasks += [start(name, work) for name, work in loops.items()]
        await worker.stopping.wait()
    finally:
        await asyncio.gather(_end(listening), *tasks, return_exceptions=True)
        await roster.leave()
        await rt.close()


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel a task until it has ended: the queue server's client now and then swallows a cancellation."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CANCEL_EVERY)


async def _either(*events: asyncio.Event) -> None:
    """Wait until one of the events has come."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for each in waiting:
        each.cancel()


def main() -> None:
    settings = Settings()
    set_up(level=settings.log_level, form=settings.log_format)
    # It has two lines for every ring.
    logging.getLogger("arq").setLevel(logging.WARNING)
    asyncio.run(serve(settings))


if __name__ == "__main__":
    main()
