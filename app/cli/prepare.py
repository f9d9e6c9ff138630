"""What an installation needs before it serves: root keys, token-signing keys, and the workspace `default`."""

import asyncio
import contextlib
from datetime import UTC, datetime

import asyncpg

from app.core.crypto.keyservice import KeyFile
from app.core.runtime import Runtime
from app.core.settings import APP_ROLE, Settings
from app.core.tokens.keys import SigningKeys
from app.domain import workspaces

DEFAULT_WORKSPACE = "default"


def make_keys(settings: Settings) -> None:
    """Create the key file and a first signing key where there are none; what is there is left as it is."""
    now = datetime.now(UTC)
    KeyFile.open(settings.key_path, now=now, create=True)
    SigningKeys.open(settings.token_keys_path, now=now, create=True)


def prepare(settings: Settings) -> None:
    """Make keys and the default workspace; harmless to repeat."""
    make_keys(settings)
    asyncio.run(_prepare(settings))


async def _prepare(settings: Settings) -> None:
    if settings.migrate_url is not None:
        await let_app_log_in(settings.migrate_url)
    await ensure_workspace(settings, DEFAULT_WORKSPACE)


async def let_app_log_in(owner_url: str) -> None:
    """Give the serving role a log-in where its owner may; elsewhere whoever runs the server has given it one."""
    conn = await asyncpg.connect(owner_url)
    try:
        with contextlib.suppress(asyncpg.InsufficientPrivilegeError):
            await conn.execute(f"ALTER ROLE {APP_ROLE} LOGIN")
    finally:
        await conn.close()


async def ensure_workspace(settings: Settings, name: str) -> None:
    rt = await Runtime.open(settings, pool_size=2)
    try:
        async with rt.lobby() as lobby:
            if name in {each.name for each in await workspaces.directory(lobby)}:
                return
            fresh = await workspaces.next_id(lobby)
        async with rt.begin(fresh) as tx:
            await workspaces.create(tx, name, rt.key_service, now=rt.now())
    finally:
        await rt.close()
