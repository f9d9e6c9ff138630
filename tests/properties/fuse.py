"""A connection that ends between two statements, as that of a process that is killed there."""

from typing import Any, Final

import asyncpg

from app.core.sql import Tx
from app.domain.pipeline import STEPS
from app.domain.pipeline.batch import Batch
from app.domain.pipeline.run import Step

STATEMENTS: Final = frozenset({"fetch", "fetchrow", "fetchval", "execute", "executemany"})


class Fuse:
    """Passes statements on to a real connection; before number `left`, counted from 0, that one is torn down: the
    server sees its client gone and takes back what was not committed."""

    def __init__(self, conn: asyncpg.Connection, left: int) -> None:
        self._conn = conn
        self._left = left

    def __getattr__(self, name: str) -> Any:
        if name in STATEMENTS:
            if self._left == 0:
                self._conn.terminate()
            self._left -= 1
        return getattr(self._conn, name)


def with_fuse(tx: Tx, left: int) -> Tx:
    """The same transaction, that ends there."""
    conn: Any = Fuse(tx.conn, left)
    return Tx(conn, tx.workspace_id)


def killed_at(number: int) -> tuple[tuple[str, Step], ...]:
    """The steps of the pipeline, of which a run ends before its statement `number`."""

    async def light(batch: Batch) -> None:
        batch.tx = with_fuse(batch.tx, number)

    return (("light", light), *STEPS)
