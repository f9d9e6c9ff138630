"""`cdp keys`: rotate the keys that seal personal values, online, and see which are in use."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from app.cli.answer import DEFAULT_WORKSPACE, AsJson, InWorkspace, answer
from app.cli.progress import progress
from app.cli.within import in_workspace, with_runtime
from app.core.errors import Refused
from app.core.runtime import Runtime
from app.core.sql import Tx
from app.domain import rewrap, rotation, workspaces
from app.domain.reseal import Position
from app.domain.rewrap import Rewrapped
from app.domain.rotation import HeldKey, Rotation
from app.domain.workspaces import Workspace

SHOWN = 5
"""Damaged rows named in the sentence for people; JSON names them all."""

app = typer.Typer(help="Rotate and list the keys of personal values.", no_args_is_help=True, rich_markup_mode=None)


class Damaged(Refused):
    """Some sealed values do not open."""

    code = "damaged"


@app.command("rotate")
def rotate(
    workspace: InWorkspace = DEFAULT_WORKSPACE,
    every: Annotated[bool, typer.Option("--all", help="Every workspace.")] = False,
    root: Annotated[bool, typer.Option("--root", help="The root key in the key file instead of data keys.")] = False,
    as_json: AsJson = False,
) -> None:
    """Seal everything under a fresh key and delete the old one, while the product runs.

    A rotation that was cut short goes on where it stopped when the command is given again.

    Example: cdp keys rotate --all
    """
    if root:
        _told_root(with_runtime(rewrap.rotate_root), as_json=as_json)
        return

    async def work(rt: Runtime) -> list[tuple[Workspace, Rotation]]:
        async with rt.lobby() as lobby:
            chosen = await workspaces.directory(lobby) if every else [await workspaces.by_name(lobby, workspace)]
        total = 0
        for each in chosen:
            async with rt.begin(each.id) as tx:
                total += await rotation.to_reseal(tx)
        with progress("Sealing", total) as told:
            done = 0

            def sealed(rows: int) -> None:
                nonlocal done
                done += rows
                told(done, max(total, done))

            rotations = await rotation.rotate(rt, [each.id for each in chosen], sealed)
        return list(zip(chosen, rotations, strict=True))

    _told(with_runtime(work), as_json=as_json)


@app.command("list")
def list_keys(workspace: InWorkspace = DEFAULT_WORKSPACE, as_json: AsJson = False) -> None:
    """List a workspace's keys, and how many sealed values still name each.

    Example: cdp keys list --json
    """

    async def work(_rt: Runtime, tx: Tx) -> list[HeldKey]:
        return await rotation.listed(tx)

    held = in_workspace(workspace, work)
    answer({"workspace": workspace, "items": [asdict(each) for each in held]}, _table(held), as_json=as_json)


def _table(held: Sequence[HeldKey]) -> str:
    lines = ["key  purpose  state    created              sealed values"]
    for key in held:
        state = "active" if key.active else "opens"
        many = "" if key.blobs is None else str(key.blobs)
        lines.append(f"{key.id:<4} {key.purpose:<8} {state:<8} {key.created_at:%Y-%m-%d %H:%M:%S}  {many}".rstrip())
    return "\n".join(lines)


def _told(done: Sequence[tuple[Workspace, Rotation]], *, as_json: bool) -> None:
    shown = [
        {
            "workspace": workspace.name,
            "key": each.key_id,
            "resumed": each.resumed,
            "resealed": each.resealed,
            "done": each.done,
            "damaged": each.damaged,
        }
        for workspace, each in done
    ]
    many = sum(each.resealed for _, each in done)
    where = done[0][0].name if len(done) == 1 else f"{len(done)} workspaces"
    resumed = " It went on with a rotation that was cut short." if any(each.resumed for _, each in done) else ""
    answer({"items": shown}, f"Sealed {many} rows of {where} under a fresh key.{resumed}", as_json=as_json)
    broken = {f"{w.name}.{table}": rows for w, each in done for table, rows in each.damaged.items()}
    if broken:
        raise Damaged(
            f"{sum(map(len, broken.values()))} rows do not open, so the old key was kept; restore them from a backup "
            f"and run `cdp keys rotate` again: {_named(broken)}."
        )
    if not as_json:
        typer.echo("The old key is deleted. Next: see `cdp keys list`, and rotate the root key with --root.")


def _named(broken: dict[str, list[Position]]) -> str:
    places = [f"{table} {'/'.join(map(str, row))}" for table, rows in broken.items() for row in rows]
    return ", ".join(places[:SHOWN]) + (f" and {len(places) - SHOWN} more" if len(places) > SHOWN else "")


def _told_root(done: Rewrapped, *, as_json: bool) -> None:
    again = "Went on with a rotation that was cut short: " if done.resumed else ""
    answer(
        asdict(done),
        f"{again}{done.keys} keys are wrapped by {done.root}, and the key file holds no other root.\n"
        "Next: keep a copy of the key file; backups made before today need the key file of that time.",
        as_json=as_json,
    )
