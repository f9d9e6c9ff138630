"""Ordered streams of rows that are walked side by side, each held a page at a time."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from app.core.sql import Queries, Tx

PAGE = 500

Row = Mapping[str, Any]

_replay = Queries("replay")


def rows(tx: Tx, name: str) -> AsyncIterator[Row]:
    """The rows of a statement through a cursor."""
    held = _replay.statements[name]
    stream: AsyncIterator[Row] = aiter(tx.conn.cursor(held.sql, *held.arguments(tx, {}), prefetch=PAGE))
    return stream


class Stream:
    """The rows of a statement that is ordered by `column`, asked for by rising values of it."""

    def __init__(self, tx: Tx, name: str, column: str) -> None:
        self._rows = rows(tx, name)
        self._column = column
        self._next: Row | None = None
        self._ended = False

    async def of(self, key: int) -> AsyncIterator[Row]:
        """The rows with this value. Rows with smaller ones, which nobody asked for, are passed over."""
        while (row := await self._peek()) is not None and row[self._column] <= key:
            self._next = None
            if row[self._column] == key:
                yield row

    async def first(self, key: int) -> Row | None:
        """The one row with this value, if there is one."""
        found = None
        async for row in self.of(key):
            found = row
        return found

    async def _peek(self) -> Row | None:
        if self._next is None and not self._ended:
            self._next = await anext(self._rows, None)
            self._ended = self._next is None
        return self._next
