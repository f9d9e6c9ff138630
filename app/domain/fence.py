"""A fence in time: when it is passed, nobody works with keys older than the moment it was raised."""

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from app.core.sql import Queries, Tx
from app.domain.keys import FRESH_SECONDS

LOOK_AGAIN = 0.05
LOBBY = 0

_rotation = Queries("rotation")


class Begins(Protocol):
    """What opens transactions."""

    def begin(self, workspace_id: int) -> AbstractAsyncContextManager[Tx]: ...


async def passed(house: Begins, since: float, fresh: float = FRESH_SECONDS) -> None:
    """Return when every process has loaded its keyrings after `since` (monotonic), and every transaction that may
    still have an older one at hand has ended. A keyring is used in the transaction that asked for it, so no other
    can have it. `fresh` is how old, in seconds, a process lets its keyrings grow."""
    await asyncio.sleep(since + fresh - time.monotonic())
    await others_ended(house)


async def others_ended(house: Begins) -> None:
    """Return when every transaction that runs now has ended; those that begin meanwhile are not waited for."""
    left = await _running(house)
    while left:
        await asyncio.sleep(LOOK_AGAIN)
        left &= await _running(house)


async def _running(house: Begins) -> set[str]:
    async with house.begin(LOBBY) as tx:
        return {row["virtualxid"] for row in await _rotation.rows(tx, "running")}
