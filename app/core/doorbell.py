"""The bell: an arq job without data that says that there may be work. Losing one costs a sweep's wait, no more."""

import asyncio
import contextlib
import time

from arq.connections import ArqRedis

BELL = "look"
QUEUE = "samewise:pipeline"
BURST_SECONDS = 0.01
"""Rings within this span are one: a burst of commits rings twice, at its begin and after its end."""

QUIET_AFTER_FAILURE = 1.0
ANSWER_LIMIT = 1.0
"""Seconds that the queue server has for a command. One that hangs must hold up nobody."""

EXPIRES = 60.0


def bell_pool(url: str) -> ArqRedis:
    """Connections to the queue server of a `redis://`, `rediss://` or `unix://` URL, failing fast."""
    pool: ArqRedis = ArqRedis.from_url(url, socket_connect_timeout=ANSWER_LIMIT, socket_timeout=ANSWER_LIMIT)
    return pool


class Doorbell:
    """Rings after a commit. Never raises and never waits long: the sweep finds what it does not announce."""

    def __init__(self, url: str | None) -> None:
        self._pool = None if url is None else bell_pool(url)
        self._quiet_until = 0.0
        self._is_ringing = False
        self._again = False

    async def ring(self) -> None:
        """Announce a commit that has just been made. One at a time: who comes meanwhile is announced after it."""
        self._again = True
        if self._is_ringing:
            return
        self._is_ringing = True
        try:
            while self._again and self._pool is not None and time.monotonic() > self._quiet_until:
                self._again = False
                await self._once(self._pool)
                await asyncio.sleep(BURST_SECONDS)
        finally:
            self._is_ringing = False

    async def close(self) -> None:
        if self._pool is not None:
            with contextlib.suppress(Exception):
                await self._pool.aclose()

    async def _once(self, pool: ArqRedis) -> None:
        try:
            async with asyncio.timeout(ANSWER_LIMIT):
                await pool.enqueue_job(BELL, _queue_name=QUEUE, _expires=EXPIRES)
        except Exception:  # noqa: BLE001 — whatever the queue server does, the message is safe in the log
            self._quiet_until = time.monotonic() + QUIET_AFTER_FAILURE
