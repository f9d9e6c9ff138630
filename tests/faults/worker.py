"""Workers as processes of their own, which can be told when to die.

A process is forked from a server that has imported everything, so that one
costs milliseconds. It dies by SIGKILL in front of a statement of its choice:
nothing of it runs any more, no handler, no rollback, no goodbye.
"""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import Synchronized
from typing import Any

from app.core.runtime import Runtime
from app.core.settings import Settings
from app.core.sql import Tx
from app.domain.pipeline import STEPS
from app.domain.pipeline.batch import Batch
from app.workers.process import Processor

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["tests.faults.worker"])

POISON = "poison"
"""The key of a record that ends the process of whoever takes it."""


@dataclass
class Life:
    """Counts the moments of a process: in front of every statement, and in front of and after every commit."""

    ends_at: int | None
    moments: "Synchronized[int]"

    def goes_on(self) -> None:
        if self.moments.value == self.ends_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.moments.value += 1


class Mortal:
    """A connection whose process may die in front of any statement."""

    def __init__(self, conn: Any, life: Life) -> None:
        self._conn = conn
        self._life = life

    async def fetch(self, *asked: Any) -> Any:
        self._life.goes_on()
        return await self._conn.fetch(*asked)

    async def fetchrow(self, *asked: Any) -> Any:
        self._life.goes_on()
        return await self._conn.fetchrow(*asked)

    async def fetchval(self, *asked: Any) -> Any:
        self._life.goes_on()
        return await self._conn.fetchval(*asked)

    async def execute(self, *asked: Any) -> Any:
        self._life.goes_on()
        return await self._conn.execute(*asked)


class MortalRuntime(Runtime):
    """A runtime whose transactions are counted."""

    life: Life

    @asynccontextmanager
    async def begin(self, workspace_id: int) -> AsyncIterator[Tx]:
        async with super().begin(workspace_id) as tx:
            yield Tx(Mortal(tx.conn, self.life), workspace_id)
            self.life.goes_on()
        self.life.goes_on()


async def end(batch: Batch) -> None:
    """A step that a poison record makes its worker's last."""
    if any(word.key == POISON for word in batch.words):
        os._exit(9)


def work(settings: Settings, workspace_id: int, lease: int, ends_at: int | None, moments: "Synchronized[int]") -> None:
    """Drain a workspace, or die at the given moment."""

    async def drain() -> None:
        rt = await MortalRuntime.open(settings, pool_size=2)
        assert isinstance(rt, MortalRuntime)
        rt.life = Life(ends_at, moments)
        await Processor(rt, lease, steps=(*STEPS[:-1], ("end", end), STEPS[-1])).drain(workspace_id)
        await rt.close()

    asyncio.run(drain())


@dataclass(frozen=True)
class Worker:
    process: BaseProcess
    moments: "Synchronized[int]"

    def wait(self) -> int | None:
        """Until it ended; its exit code, negative for the signal that ended it."""
        self.process.join(60)
        return self.process.exitcode

    def kill(self) -> None:
        self.process.kill()
        self.process.join(60)


def leases() -> Iterator[int]:
    number = 2_000_000
    while True:
        number += 1
        yield number


_leases = leases()


def start(settings: Settings, workspace_id: int, *, ends_at: int | None = None) -> Worker:
    """Start a worker process that drains a workspace and ends."""
    moments = context.Value("i", 0)
    process = context.Process(target=work, args=(settings, workspace_id, next(_leases), ends_at, moments))
    process.start()
    return Worker(process, moments)
