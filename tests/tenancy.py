"""Fresh tenants for tests: they share the server and see nothing of each other."""

from app.core.runtime import Runtime
from app.domain import workspaces
from app.domain.workspaces import Workspace


async def new_workspace(rt: Runtime) -> Workspace:
    async with rt.lobby() as lobby:
        fresh = await workspaces.next_id(lobby)
    async with rt.begin(fresh) as tx:
        return await workspaces.create(tx, f"w{fresh}", rt.key_service, now=rt.now())
