"""`cdp key`: a source's write key, for SDKs that send events."""

from typing import Annotated

import typer

from app.cli.answer import DEFAULT_WORKSPACE, AsJson, InWorkspace, answer
from app.cli.within import in_workspace
from app.core.runtime import Runtime
from app.core.sql import Tx
from app.domain import keys, sources


def key(
    source: Annotated[str, typer.Option(help="The source that sends.")],
    create: Annotated[bool, typer.Option("--create", help="Create the source if there is none of that name.")] = False,
    workspace: InWorkspace = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Print the write key of a source; it is made when the source has none.

    Example: cdp key --source web --create
    """

    async def work(rt: Runtime, tx: Tx) -> str:
        held = await (sources.ensure(tx, source, now=rt.now()) if create else sources.by_name(tx, source))
        return await sources.write_key(tx, await keys.keyring(rt, tx), held)

    made = in_workspace(workspace, work)
    answer({"source": source, "workspace": workspace, "write_key": made}, made, as_json=as_json)
