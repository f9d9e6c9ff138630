"""`cdp workspace`: tenants, created and listed."""

from typing import Annotated

import typer

from app.cli.answer import AsJson, answer
from app.cli.within import with_runtime
from app.core.runtime import Runtime
from app.domain import workspaces
from app.domain.workspaces import Workspace

app = typer.Typer(help="Create and list workspaces (tenants).", no_args_is_help=True, rich_markup_mode=None)


@app.command("create")
def create(name: Annotated[str, typer.Argument(help="A lower-case word.")], as_json: AsJson = False) -> None:
    """Create a workspace with keys and a trait catalog of its own.

    Example: cdp workspace create acme
    """

    async def work(rt: Runtime) -> Workspace:
        async with rt.lobby() as lobby:
            fresh = await workspaces.next_id(lobby)
        async with rt.begin(fresh) as tx:
            return await workspaces.create(tx, name, rt.key_service, now=rt.now())

    made = with_runtime(work)
    answer({"id": made.id, "name": made.name}, f"Workspace {made.name} is there.", as_json=as_json)


@app.command("list")
def list_workspaces(as_json: AsJson = False) -> None:
    """List all workspaces, oldest first.

    Example: cdp workspace list --json
    """

    async def work(rt: Runtime) -> list[Workspace]:
        async with rt.lobby() as lobby:
            return await workspaces.directory(lobby)

    found = with_runtime(work)
    shown = {"items": [{"id": each.id, "name": each.name} for each in found]}
    answer(shown, "\n".join(each.name for each in found), as_json=as_json)
