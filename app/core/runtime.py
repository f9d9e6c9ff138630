"""The runtime: the one place that builds connections, and the only state a process has.

Connections run as the application role, which owns nothing, so that row-level
security binds every statement. A transaction names its workspace with `SET
LOCAL`; a plain `SET` would leak through the pool to the next request.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import asyncpg
import orjson

from app.core.crypto.keyring import Keyring
from app.core.crypto.keyservice import KeyFile, KeyService
from app.core.errors import CdpError, Unavailable
from app.core.settings import APP_ROLE, Settings
from app.core.sql import Tx
from app.core.tokens.gate import TokenGate
from app.core.tokens.keys import SigningKeys

CONNECT_TIMEOUT = 10.0
STATEMENT_CACHE = 500
# Every statement looks a bounded number of keys up by an index. A plan made for the arrays of one call, or while a
# table was small, would scan it for the next: measured 400 times slower on a workspace that has just begun to fill.
SESSION = {
    "role": APP_ROLE,
    "application_name": "samewise",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
RETRY_AFTER = timedelta(seconds=1)

# What asyncpg raises while a server is away or comes back. InternalClientError is real: a
# server killed in mid-answer leaves the protocol in a state that the client calls internal.
DATABASE_AWAY = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InternalClientError,
)


class PlainConnection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that needs no reset: nothing here ever changes session state."""

    def get_reset_query(self) -> str:
        return ""


async def _codecs(conn: asyncpg.Connection) -> None:
    for kind in ("json", "jsonb"):
        await conn.set_type_codec(
            kind,
            schema="pg_catalog",
            encoder=lambda value: orjson.dumps(value).decode(),
            decoder=orjson.loads,
            format="text",
        )


class Runtime:
    """Settings, pool, keys and clock of one process."""

    def __init__(self, settings: Settings, pool: asyncpg.Pool, key_service: KeyService) -> None:
        self.settings = settings
        self.pool = pool
        self.key_service = key_service
        self.keyrings: dict[int, tuple[float, Keyring]] = {}

    @classmethod
    async def open(cls, settings: Settings, *, pool_size: int | None = None) -> "Runtime":
        if settings.database_url is None:
            raise Unavailable("No database is running here; start it with ./run, or set CDP_DATABASE_URL.")
        key_service = KeyFile(settings.key_path)
        try:
            pool = await asyncpg.create_pool(
                settings.database_url,
                min_size=1,
                max_size=pool_size or settings.pool_size,
                init=_codecs,
                connection_class=PlainConnection,
                statement_cache_size=STATEMENT_CACHE,
                timeout=CONNECT_TIMEOUT,
                max_inactive_connection_lifetime=0,
                server_settings=SESSION,
            )
        except DATABASE_AWAY as away:
            raise Unavailable("The database does not answer; see that it runs and that its URL is right.") from away
        return cls(settings, pool, key_service)

    async def close(self) -> None:
        await self.pool.close()

    @cached_property
    def gate(self) -> TokenGate:
        """The gate of access tokens; only who verifies or issues tokens needs its keys."""
        return token_gate(self.settings)

    def now(self) -> datetime:
        return datetime.now(UTC)

    @asynccontextmanager
    async def begin(self, workspace_id: int) -> AsyncIterator[Tx]:
        """One transaction of one workspace; committed when the block ends well, before any answer is sent."""
        try:
            async with self.pool.acquire(timeout=CONNECT_TIMEOUT) as conn:
                await conn.execute(f"BEGIN; SET LOCAL samewise.workspace = '{int(workspace_id)}'")
                try:
                    yield Tx(conn, workspace_id)
                except BaseException:
                    if not conn.is_closed():
                        await _quiet_rollback(conn)
                    raise
                await conn.execute("COMMIT")
        except CdpError:
            raise
        except (*DATABASE_AWAY, TimeoutError) as away:
            raise Unavailable("The database is not answering; try again shortly.", retry_after=RETRY_AFTER) from away

    @asynccontextmanager
    async def lobby(self) -> AsyncIterator[Tx]:
        """A transaction of no workspace: it sees no tenant's row, only the directory functions."""
        async with self.begin(0) as tx:
            yield tx


def token_gate(settings: Settings) -> TokenGate:
    """The gate of this installation's access tokens; its keys are made by `cdp up` or `cdp migrate`."""
    keys = SigningKeys.open(settings.token_keys_path, now=datetime.now(UTC), create=False)
    return TokenGate(keys, issuer=settings.issuer, audience=settings.issuer)


async def _quiet_rollback(conn: Any) -> None:
    """Roll back; a connection that is already gone has rolled back by itself."""
    try:
        await conn.execute("ROLLBACK")
    except DATABASE_AWAY:
        conn.terminate()
