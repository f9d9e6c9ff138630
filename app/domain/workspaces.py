"""Workspaces: tenants, each with its own keys, salt, catalog and policy. Nothing ever crosses one."""

import os
import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from app.core.crypto.keyring import KEY_BYTES
from app.core.crypto.keyservice import KeyService
from app.core.errors import Conflict, NotFound, Refused
from app.core.sql import Queries, Tx
from app.domain import catalog

NAME = re.compile(r"^[a-z][a-z0-9_-]{0,62}$")
SEAL_KEY = 1
HASH_KEY = 0

_workspaces = Queries("workspaces")


@dataclass(frozen=True, slots=True)
class Workspace:
    """A tenant as the directory shows it: enough to open a transaction in it."""

    id: int
    name: str
    salt: str
    catalog_version: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """Messages of one workspace that wait for the pipeline, and when the oldest of them was received."""

    workspace_id: int
    waiting: int
    oldest: datetime | None


async def directory(lobby: Tx) -> list[Workspace]:
    """Every workspace, oldest first."""
    return [Workspace(**row) for row in await _workspaces.rows(lobby, "directory")]


async def by_name(lobby: Tx, name: str) -> Workspace:
    for workspace in await directory(lobby):
        if workspace.name == name:
            return workspace
    raise NotFound(f"There is no workspace {name!r}; create it with `cdp workspace create {name}`.")


async def next_id(lobby: Tx) -> int:
    """The id of a workspace about to be created: its transaction must name it before its row exists."""
    fresh: int = await _workspaces.value(lobby, "next_id")
    return fresh


async def create(tx: Tx, name: str, key_service: KeyService, *, now: datetime) -> Workspace:
    """Create the workspace that `tx` names, with fresh keys and the built-in traits."""
    if not NAME.match(name):
        raise Refused("A workspace name is a lower-case word: letters, digits, - and _, at most 63 characters.")
    salt = secrets.token_hex(16)
    if await _workspaces.value(tx, "create", name=name, salt=salt, now=now) is None:
        raise Conflict(f"There is a workspace {name!r} already.")
    for id, purpose in ((HASH_KEY, "hash"), (SEAL_KEY, "seal")):
        wrapped = key_service.wrap(os.urandom(KEY_BYTES), key_context(tx.workspace_id, id))
        await _workspaces.run(tx, "add_key", id=id, purpose=purpose, wrapped=wrapped, now=now)
    await catalog.install_built_in(tx, now=now)
    return Workspace(tx.workspace_id, name, salt, 1)


async def backlogs(lobby: Tx, *, cap: int) -> list[Backlog]:
    """What waits in every workspace, counted no further than `cap`."""
    return [Backlog(**row) for row in await _workspaces.rows(lobby, "backlogs", cap=cap)]


def key_context(workspace_id: int, key_id: int) -> str:
    """What a wrapped key is bound to: it does not unwrap under another workspace or id."""
    return f"workspace/{workspace_id}/key/{key_id}"
