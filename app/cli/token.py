"""`cdp token`: an access token for development, signed with the keys on this machine."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from app.cli.answer import DEFAULT_WORKSPACE, AsJson, InWorkspace, answer
from app.core.errors import NotFound
from app.core.settings import Settings
from app.core.tokens.gate import LIFETIME, TokenGate
from app.core.tokens.keys import SigningKeys

SUBJECT = "cdp"
LOOK_UP_SECONDS = 2.0
"""How long a look for the workspace may take; a database that does not answer does not stop the token."""


def token(
    scope: Annotated[list[str], typer.Option(help="What it may do: one or more words; may be repeated.")],
    workspace: InWorkspace = DEFAULT_WORKSPACE,
    ttl: Annotated[int, typer.Option(min=1, help="Seconds that it is valid, at most a day.")] = 3600,
    as_json: AsJson = False,
) -> None:
    """Print an access token.

    Example: curl -H "Authorization: Bearer $(cdp token --scope profiles:read)" http://127.0.0.1:8000/graphql
    """
    settings = Settings()
    if workspace != DEFAULT_WORKSPACE:
        _check(settings, workspace)
    lifetime = timedelta(seconds=ttl)
    scopes = [word for each in scope for word in each.split()]
    made = access_token(settings, scopes, workspace, lifetime)
    shown = {"token": made, "scope": " ".join(sorted(set(scopes))), "workspace": workspace, "expires_in": ttl}
    answer(shown, made, as_json=as_json)


def access_token(
    settings: Settings, scopes: Sequence[str], workspace: str = DEFAULT_WORKSPACE, ttl: timedelta = LIFETIME
) -> str:
    """A token of this installation; needs its keys, not its database. Raises NotFound without keys, and Refused for an
    unknown scope or too long a lifetime."""
    now = datetime.now(UTC)
    # As app.core.runtime.token_gate makes it, without the import of a database driver.
    keys = SigningKeys.open(settings.token_keys_path, now=now, create=False)
    gate = TokenGate(keys, issuer=settings.issuer, audience=settings.issuer)
    return gate.issue(subject=SUBJECT, client_id=SUBJECT, scopes=scopes, workspace=workspace, now=now, lifetime=ttl)


def _check(settings: Settings, workspace: str) -> None:
    """Raise NotFound for a workspace that the database does not know; say nothing where no database answers."""
    from app.embedded import running

    servers = running(settings.data_dir)
    url = settings.database_url or (servers.database_url if servers is not None else None)
    known = asyncio.run(_names(url)) if url else None
    if known is not None and workspace not in known:
        raise NotFound(f"There is no workspace {workspace!r}; create it with `cdp workspace create {workspace}`.")


async def _names(url: str) -> set[str] | None:
    import asyncpg

    from app.core.runtime import DATABASE_AWAY, SESSION

    try:
        conn = await asyncpg.connect(url, timeout=LOOK_UP_SECONDS, server_settings=SESSION)
    except (*DATABASE_AWAY, asyncpg.PostgresError, TimeoutError):
        return None
    try:
        return {row["name"] for row in await conn.fetch("SELECT name FROM workspace_directory()")}
    finally:
        await conn.close()
