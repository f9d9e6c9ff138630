"""Trying again when other writers were in the way: the database chose this transaction to give up, or people moved."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import asyncpg

from app.core.errors import Unavailable

CONTENDED = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError)
MAX_TRIES = 12

T = TypeVar("T")


class Busy(Unavailable):
    """Other writers are at work on the same people; try again shortly."""

    code = "busy"


async def retried(once: Callable[[], Awaitable[T]]) -> T:
    """Do it in a transaction of its own, again as long as others are in the way. Raises Busy when they stay there.

    An `Unavailable` of another code than `unavailable` is such a case too; that one says that a server is away.
    """
    for turn in range(MAX_TRIES):
        try:
            return await once()
        except CONTENDED:
            pass
        except Unavailable as busy:
            if busy.code == "unavailable":
                raise
        await asyncio.sleep(random.random() * 0.02 * 2 ** min(turn, 6))  # noqa: S311
    raise Busy(retry_after=timedelta(seconds=1))
