"""The roster of running workers: each holds an advisory lock for as long as it lives.

A worker that is killed loses the lock with its connection, so its messages are
taken over by the next look at the roster, not when their lease runs out. A
worker that is alive but stuck keeps its lock; for that there is the lease.
"""

import asyncpg

from app.core.runtime import Runtime
from app.core.sql import Queries
from app.domain import workspaces

CLASS = 7253
"""The class of the advisory locks that stand for workers."""

LOBBY = 0

_workers = Queries("workers")
_pipeline = Queries("pipeline")


class Roster:
    """This worker's place among the others. `lease` names this run of this process."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._conn: asyncpg.Connection | None = None
        self.lease = 0

    async def enlist(self) -> int:
        """Take a lease id and its lock, on a connection of its own; again after the connection was lost."""
        async with self._rt.lobby() as tx:
            self.lease = await _pipeline.value(tx, "next_lease")
        self._conn = await asyncpg.connect(self._rt.settings.database_url)
        await self._conn.execute("SELECT pg_advisory_lock($1, $2)", CLASS, self.lease % 2**31)
        async with self._rt.begin(LOBBY) as tx:
            await _workers.run(tx, "enlist", lease=self.lease)
        return self.lease

    @property
    def is_lost(self) -> bool:
        return self._conn is None or self._conn.is_closed()

    async def leave(self) -> None:
        """Give the lock back at a clean end."""
        if self._conn is not None and not self._conn.is_closed():
            await self._conn.close()

    async def bury(self) -> int:
        """Free what dead workers still hold; return how many were found dead."""
        async with self._rt.begin(LOBBY) as tx:
            dead = [row["lease"] for row in await _workers.rows(tx, "dead", **{"class": CLASS})]
        if not dead:
            return 0
        async with self._rt.lobby() as lobby:
            everywhere = await workspaces.directory(lobby)
        for workspace in everywhere:
            async with self._rt.begin(workspace.id) as tx:
                await _workers.run(tx, "release", leases=dead)
                await _workers.run(tx, "release_imports", leases=dead)
        async with self._rt.begin(LOBBY) as tx:
            await _workers.run(tx, "strike", leases=dead)
        return len(dead)
