"""The bell: an arq job without data that says that there may be work. Losing one costs a sweep's wait, no more."""

import time

from arq.connections import ArqRedis, RedisSettings, create_pool

BELL = "look"
QUEUE = "samewise:pipeline"
BUCKET_SECONDS = 0.01
"""Rings within this span are one: a burst of commits rings once."""

QUIET_AFTER_FAILURE = 1.0
EXPIRES_MS = 60_000


def redis_settings(url: str) -> RedisSettings:
    """arq's settings for a `redis://`, `rediss://` or `unix://` URL, failing fast: the bell may never hold up work."""
    if url.startswith("unix://"):
        return RedisSettings(unix_socket_path=url.removeprefix("unix://"), conn_timeout=1, conn_retries=0)
    held = RedisSettings.from_dsn(url)
    held.conn_timeout, held.conn_retries = 1, 0
    return held


class Doorbell:
    """Rings after a commit. Never raises and never waits long: the sweep finds what it does not announce."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._pool: ArqRedis | None = None
        self._quiet_until = 0.0
        self._rung = 0

    async def ring(self) -> None:
        now = time.monotonic()
        bucket = int(time.time() / BUCKET_SECONDS)
        if self._url is None or now < self._quiet_until or bucket == self._rung:
            return
        self._rung = bucket
        try:
            if self._pool is None:
                self._pool = await create_pool(redis_settings(self._url))
            await self._pool.enqueue_job(BELL, _job_id=f"look:{bucket}", _queue_name=QUEUE, _expires=EXPIRES_MS / 1000)
        except Exception:  # noqa: BLE001 — whatever the queue server does, the message is safe in the log
            self._quiet_until = now + QUIET_AFTER_FAILURE
            self._pool = None

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()
