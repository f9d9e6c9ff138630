"""A worker process: `python -m app.workers.main`.

arq is a doorbell: its jobs carry no data and only say "look". What there is to
do stands in PostgreSQL, and a sweep looks there too, so that a bell that was
lost (the queue server killed, flushed or away) costs a second and nothing else.
"""

import asyncio
import contextlib
import random
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from arq.worker import Worker, func

from app.core.doorbell import BELL, QUEUE, redis_settings
from app.core.errors import CdpError
from app.core.garbage import collect_seldom
from app.core.log import set_up
from app.core.runtime import DATABASE_AWAY, Runtime
from app.core.settings import Settings
from app.core.sql import Queries
from app.workers.imports import import_loop
from app.workers.process import Processor
from app.workers.refresh import refresh_due
from app.workers.roster import Roster

POLL_SECONDS = 0.02
"""How often arq looks for the bell: the larger part of the time from accepted to visible."""

AGAIN_AFTER = 1.0
BURY_EVERY = 1.0

_workers = Queries("workers")
log = structlog.get_logger(__name__)


class PipelineWorker:
    """Drains every workspace that has work, one batch each in turn, whenever a bell or the sweep says so."""

    def __init__(self, rt: Runtime, roster: Roster) -> None:
        self.rt = rt
        self.roster = roster
        self.stopping = asyncio.Event()
        self._busy = asyncio.Lock()
        self._again = False

    async def look(self) -> None:
        """Work until nothing is due. A call while another works makes that one look once more."""
        if self._busy.locked():
            self._again = True
            return
        async with self._busy:
            while not self.stopping.is_set():
                self._again = False
                if not await self._round() and not self._again:
                    return

    async def _round(self) -> bool:
        """One batch of every workspace that has work; whether there was any."""
        async with self.rt.lobby() as tx:
            due = [row["id"] for row in await _workers.rows(tx, "due")]
        random.shuffle(due)
        processor = Processor(self.rt, self.roster.lease)
        for workspace_id in due:
            if self.stopping.is_set():
                return False
            if (lease := await processor.claim(workspace_id)) is not None:
                await processor.process(lease)
        return bool(due)

    async def sweep(self) -> None:
        """Look without a bell, and take over from workers that died."""
        while not self.stopping.is_set():
            if self.roster.is_lost:
                await self.roster.enlist()
            await self.roster.bury()
            await self.look()
            await refresh_due(self.rt, self.roster.lease)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), self.rt.settings.sweep_seconds)

    async def listen(self) -> None:
        """Answer the bell through arq. The worker object is made anew after every loss of the queue server."""
        if self.rt.settings.redis_url is None:
            await self.stopping.wait()
            return

        async def look(_: dict[Any, Any]) -> None:
            await self.look()

        worker = Worker(
            functions=[func(look, name=BELL, keep_result=0, max_tries=1)],  # type: ignore[arg-type]
            redis_settings=redis_settings(self.rt.settings.redis_url),
            queue_name=QUEUE,
            poll_delay=POLL_SECONDS,
            max_jobs=4,
            job_timeout=86_400,
            handle_signals=False,
            keep_result=0,
        )
        try:
            await worker.async_run()
        finally:
            with contextlib.suppress(Exception):
                await worker.close()


async def keep(name: str, work: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> None:
    """Run a loop for ever; what ends it is logged, and it begins again after a moment."""
    while not stopping.is_set():
        try:
            await work()
        except (CdpError, *DATABASE_AWAY) as away:
            log.warning("worker_waits", loop=name, error=type(away).__name__)
        except Exception as failure:
            log.exception("worker_failed", loop=name, error=type(failure).__name__)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), AGAIN_AFTER)


async def serve(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; the batch in hand is finished first."""
    collect_seldom()
    rt = await Runtime.open(settings, pool_size=4)
    roster = Roster(rt)
    worker = PipelineWorker(rt, roster)
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, worker.stopping.set)

    async def imports() -> None:
        await import_loop(rt, lambda: roster.lease, worker.stopping)

    loops = {"sweep": worker.sweep, "listen": worker.listen, "imports": imports}
    tasks = [asyncio.create_task(keep(name, work, worker.stopping)) for name, work in loops.items()]
    try:
        await worker.stopping.wait()
    finally:
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await roster.leave()
        await rt.close()


def main() -> None:
    settings = Settings()
    set_up(level=settings.log_level, form=settings.log_format)
    asyncio.run(serve(settings))


if __name__ == "__main__":
    main()
