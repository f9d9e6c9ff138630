"""Turns: long requests are judged one at a time, so that a short one is never behind all of them.

A thousand items take some milliseconds during which this process hears nothing. Where many such requests have arrived,
the event loop would judge all of them in a row, and the answers of the database, for which others wait, would lie
unread meanwhile. So each takes its turn, and between two turns the loop looks around.
"""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext

LONG = 32_768
"""Bytes of a body that takes its turn: half a millisecond of work."""


class Turns:
    """One line for all long requests of this process."""

    def __init__(self) -> None:
        self._line = asyncio.Lock()

    def of(self, body: bytes) -> AbstractAsyncContextManager[object]:
        """The turn of a request; a short one needs none."""
        return self._line if len(body) >= LONG else nullcontext()
