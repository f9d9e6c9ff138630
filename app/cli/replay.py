"""`cdp replay`: whether everything is what the log says."""

from dataclasses import asdict
from typing import Annotated

import typer

from app.cli.answer import DEFAULT_WORKSPACE, AsJson, InWorkspace, answer
from app.cli.progress import progress
from app.cli.within import in_workspace
from app.core.errors import Conflict, Refused
from app.core.runtime import Runtime
from app.core.sql import Tx
from app.domain.replay import Findings, verify
from app.domain.replay.findings import KINDS


class Differs(Conflict):
    """The workspace is not what its log says."""

    code = "differs"


def replay(
    check: Annotated[bool, typer.Option("--verify", help="Compare everything with the log.")] = False,
    workspace: InWorkspace = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Read the whole log anew and compare: every message's end, every record, every profile, every version.

    Works on one snapshot while the product runs; ends with 1 when anything differs.

    Example: cdp replay --verify
    """
    if not check:
        raise Refused("Say what to do: `cdp replay --verify` compares everything with the log and changes nothing.")

    async def work(rt: Runtime, tx: Tx) -> Findings:
        with progress("Comparing") as told:
            return await verify(rt.key_service, tx, told)

    found = in_workspace(workspace, work)
    shown = {"workspace": workspace, **asdict(found), "found": dict(found.found), "same": not found.found}
    answer(shown, _told(workspace, found), as_json=as_json)
    if found.found:
        raise Differs(
            f"{sum(found.found.values())} differences in {workspace}; restore what was changed from a backup, "
            "or have its sources send those records again."
        )


def _told(workspace: str, found: Findings) -> str:
    ends = ", ".join(f"{many} {fate}" for fate, many in {"pending": found.pending, **found.fates}.items() if many)
    lines = [
        f"{found.entries} messages: {ends or 'none'}.",
        f"{found.records} records, {found.profiles} profiles, {found.versions} versions read again.",
    ]
    if found.older_rules:
        lines.append(f"{found.older_rules} records were read before a trait of theirs was defined; that is no fault.")
    for kind, many in found.found.most_common():
        places = ", ".join(each.place for each in found.first if each.kind == kind)
        lines.append(f"{many} x {KINDS[kind]}: {places}{', ...' if many > places.count(',') + 1 else ''}")
    if not found.found:
        lines.append(f"{workspace} is what its log says.")
    return "\n".join(lines)
