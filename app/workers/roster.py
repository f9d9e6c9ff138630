"""The roster of running workers: each holds an advisory lock for as long as it lives.

A worker that is killed loses the lock with its connection, so its messages are
taken over by the next look at the roster, not when their lease runs out. A
worker that is alive but stuck keeps its lock; for that there is the lease.
"""

import asyncio

import asyncpg

from app.core.runtime import CONNECT_TIMEOUT, DATABASE_AWAY, LAST_WORD, PATIENCE, PlainConnection, Runtime, session
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
        self.enlisted = asyncio.Event()
        """Set once there is a lease: nobody works without one."""

    async def enlist(self) -> int:
        """Take a lease id and its lock, on a connection of its own; again after the connection was lost."""
        async with self._rt.lobby() as tx:
            lease: int = await _pipeline.value(tx, "next_lease")
        conn = await asyncpg.connect(
            self._rt.settings.database_url,
            connection_class=PlainConnection,
            timeout=CONNECT_TIMEOUT,
            command_timeout=PATIENCE,
            server_settings=session(self._rt.settings),
        )
        try:
            await conn.execute("SELECT pg_advisory_lock($1, $2)", CLASS, lease % 2**31)
            async with self._rt.begin(LOBBY) as tx:
                await _workers.run(tx, "enlist", lease=lease)
        except BaseException:
            conn.terminate()
            raise
        self._conn, self.lease = conn, lease
        self.enlisted.set()
        return lease

    @property
    def is_lost(self) -> bool:
        return self._conn is None or self._conn.is_closed()

    async def leave(self) -> None:
        """Give the lock back at a clean end."""
        if self._conn is not None and not self._conn.is_closed():
            try:
                await self._conn.close(timeout=LAST_WORD)
            except (*DATABASE_AWAY, TimeoutError):
                self._conn.terminate()

    async def bury(self) -> int:
        """Free what dead workers still hold; return how many were found dead."""
        async with self._rt.begin(LOBBY) as tx:
            dead = [row["lease"] for row in await _workers.rows(tx, "dead", **{"class": CLASS})]
            is_known = await _workers.value(tx, "is_enlisted", lease=self.lease)
        if self._conn is not None and (self.lease in dead or not is_known):
            # The server, or a network in between, gave this connection up without a word: enlist anew.
            self._conn.terminate()
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
