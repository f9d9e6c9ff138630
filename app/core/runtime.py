"""The runtime: the one place that builds connections, and the only state a process has.

Connections run as the application role, which owns nothing, so that row-level
security binds every statement. A transaction names its workspace with `SET
LOCAL`; a plain `SET` would leak through the pool to the next request.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from traceback import walk_tb
from typing import Any

import asyncpg
import orjson

from app.core.clock import DatabaseClock
from app.core.crypto.keyring import Keyring
from app.core.crypto.keyservice import KeyFile, KeyService
from app.core.errors import CdpError, Unavailable
from app.core.settings import APP_ROLE, Settings
from app.core.sql import Tx
from app.core.tokens.gate import TokenGate
from app.core.tokens.keys import SigningKeys

CONNECT_TIMEOUT = 10.0
BEGIN_TIMEOUT = 5.0
"""Seconds for the first word on a connection. It waits for no lock, so silence means that nobody is there."""

PATIENCE = 15.0
"""Seconds that one statement may take where somebody waits for the answer."""

WORK_PATIENCE = 60.0
"""Seconds that one statement of a batch may take: it may have to wait for the locks of others."""

LAST_WORD = 2.0
"""Seconds for a rollback or a goodbye; after that the connection is dropped, which says the same."""

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
    # The server lets go of a client whose machine or network has gone; on a unix socket it knows at once.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "60000",
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
# SQLSTATE classes that tell of the server's state and of nothing that was asked: resources such as the disk are used
# up, an operator stepped in, the system failed. The two codes: a standby that takes no writes, a client that slept.
TROUBLE_CLASSES = ("53", "57", "58")
TROUBLE = ("25006", "25P03")


def is_away(error: BaseException) -> bool:
    """Whether the database, and not what was asked of it or done beside it, is the reason of an error."""
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state[:2] in TROUBLE_CLASSES or state in TROUBLE or isinstance(error, DATABASE_AWAY)
    if isinstance(error, OSError):
        return _came_through_asyncpg(error)
    return isinstance(error, DATABASE_AWAY)


def _came_through_asyncpg(error: BaseException) -> bool:
    """An OSError, of which TimeoutError is one, may be any file's or socket's: only its way tells whose it was."""
    return any(frame.f_globals.get("__name__", "").startswith("asyncpg.") for frame, _ in walk_tb(error.__traceback__))


class PlainConnection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that needs no reset, for nothing here ever changes session state, and that notices its server's
    machine or network going away."""

    def __init__(self, protocol: Any, transport: Any, *given: Any, **named: Any) -> None:
        super().__init__(protocol, transport, *given, **named)
        keep_alive(transport.get_extra_info("socket"))

    def get_reset_query(self) -> str:
        return ""


def keep_alive(held: Any) -> None:
    """Let the system ask after the other side of a silent TCP connection: gone after a minute. Where the system
    cannot say how often, its own pace stays."""
    if held is None or held.family not in (socket.AF_INET, socket.AF_INET6):
        return
    held.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 60_000)):
        if hasattr(socket, name):
            held.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


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
        self._clock = DatabaseClock()

    @classmethod
    async def open(cls, settings: Settings, *, pool_size: int | None = None, patience: float = PATIENCE) -> "Runtime":
        """Connect. `patience` is how many seconds any one statement may take."""
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
                command_timeout=patience,
                max_inactive_connection_lifetime=0,
                server_settings=session(settings),
            )
            rt = cls(settings, pool, key_service)
            await rt._clock.read(pool)
        except (*DATABASE_AWAY, TimeoutError) as away:
            raise Unavailable("The database does not answer; see that it runs and that its URL is right.") from away
        return rt

    async def close(self) -> None:
        """Say goodbye to the database, which may not be listening."""
        try:
            async with asyncio.timeout(LAST_WORD):
                await self.pool.close()
        except (*DATABASE_AWAY, TimeoutError):
            self.pool.terminate()

    @cached_property
    def gate(self) -> TokenGate:
        """The gate of access tokens; only who verifies or issues tokens needs its keys."""
        return token_gate(self.settings)

    def now(self) -> datetime:
        """The time by PostgreSQL's clock: what any process stores is dated in one order."""
        return self._clock.now()

    @asynccontextmanager
    async def begin(self, workspace_id: int) -> AsyncIterator[Tx]:
        """One transaction of one workspace; committed when the block ends well, before any answer is sent.

        Raises Unavailable where the database is away, hangs, or has no room: then nothing is known of the commit. What
        the block itself raises passes through, its own OSError and TimeoutError among it.
        """
        try:
            async with self.pool.acquire(timeout=CONNECT_TIMEOUT) as conn:
                try:
                    if self._clock.is_due:
                        await self._clock.read(conn)
                    await conn.execute(
                        f"BEGIN; SET LOCAL samewise.workspace = '{int(workspace_id)}'", timeout=BEGIN_TIMEOUT
                    )
                    yield Tx(conn, workspace_id)
                    await conn.execute("COMMIT")
                except BaseException:
                    if not conn.is_closed():
                        await _quiet_rollback(conn)
                    raise
        except CdpError:
            raise
        except (*DATABASE_AWAY, asyncpg.PostgresError) as failure:
            if not is_away(failure):
                raise
            raise Unavailable("The database is not answering; try again shortly.", retry_after=RETRY_AFTER) from failure

    @asynccontextmanager
    async def lobby(self) -> AsyncIterator[Tx]:
        """A transaction of no workspace: it sees no tenant's row, only the directory functions."""
        async with self.begin(0) as tx:
            yield tx


def token_gate(settings: Settings) -> TokenGate:
    """The gate of this installation's access tokens; its keys are made by `cdp up` or `cdp migrate`."""
    keys = SigningKeys.open(settings.token_keys_path, now=datetime.now(UTC), create=False)
    return TokenGate(keys, issuer=settings.issuer, audience=settings.issuer)


def session(settings: Settings) -> dict[str, str]:
    """What every session says of itself. Its transactions end with the lease: a process that stands still in the
    middle of one must not keep its locks for longer than its messages."""
    return {**SESSION, "idle_in_transaction_session_timeout": f"{settings.lease_seconds}s"}


async def _quiet_rollback(conn: Any) -> None:
    """Roll back; a connection that is gone or does not answer has rolled back by itself, or will."""
    try:
        async with asyncio.timeout(LAST_WORD):
            await conn.execute("ROLLBACK")
    except (*DATABASE_AWAY, asyncpg.PostgresError, TimeoutError):
        conn.terminate()
