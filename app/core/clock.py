"""PostgreSQL's clock, for every instant that is stored: one for all processes, whatever their machines think.

It is read now and then and carried on by this process's own steady clock, which nobody sets. The error is at most half
the time that the reading took, and what the steady clock drifts until the next one.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

READ_EVERY = 10.0
"""Seconds that one reading serves: time in which a clock that was set is noticed, and drift stays under 5 ms (NTP slews
by at most 500 parts in a million)."""

ANSWER_LIMIT = 5.0
"""Seconds that the database has for the answer: it waits for no lock, so silence means that nobody is there."""


class DatabaseClock:
    """The clock of one database as one process knows it. Read it once before asking it."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._held: tuple[datetime, float] | None = None
        self._due = steady()

    @property
    def is_due(self) -> bool:
        """Whether it is time to read again."""
        return self._steady() >= self._due

    async def read(self, conn: Any) -> None:
        """Ask the database, outside of any transaction. Whoever comes meanwhile need not."""
        before = self._steady()
        self._due = before + READ_EVERY
        try:
            said: datetime = await conn.fetchval("SELECT clock_timestamp()", timeout=ANSWER_LIMIT)
        except BaseException:
            self._due = before
            raise
        self._held = said, (before + self._steady()) / 2

    def now(self) -> datetime:
        """The database's time, in UTC."""
        assert self._held is not None, "read before it is asked"
        said, at = self._held
        return said + timedelta(seconds=self._steady() - at)
