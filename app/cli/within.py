"""How a command works inside one workspace: servers found, a transaction opened, everything closed again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.cli.connect import connected
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.core.sql import Tx
from app.domain import workspaces

T = TypeVar("T")

POOL_SIZE = 2


def with_runtime(work: Callable[[Runtime], Awaitable[T]], settings: Settings | None = None) -> T:
    """Run `work` with a runtime on the servers of this installation."""

    async def opened(found: Settings) -> T:
        rt = await Runtime.open(found, pool_size=POOL_SIZE)
        try:
            return await work(rt)
        finally:
            await rt.close()

    with connected(settings) as found:
        return asyncio.run(opened(found))


def in_workspace(name: str, work: Callable[[Runtime, Tx], Awaitable[T]]) -> T:
    """Run `work` in one transaction of the workspace; committed when it ends well."""

    async def opened(rt: Runtime) -> T:
        async with rt.lobby() as lobby:
            workspace = await workspaces.by_name(lobby, name)
        async with rt.begin(workspace.id) as tx:
            return await work(rt, tx)

    return with_runtime(opened)
