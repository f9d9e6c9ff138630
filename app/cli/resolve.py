"""`cdp resolve`: everybody of a workspace at once, or what another policy would change."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.api.policy import PolicyIn
from app.api.simulate import ChangeShape, ReasonShape, SampleShape, SimulationShape, shape
from app.cli.answer import DEFAULT_WORKSPACE, AsJson, InWorkspace, answer
from app.cli.within import in_workspace
from app.core.crypto.keyring import Keyring
from app.core.errors import NotFound, Refused
from app.core.ids import PublicIds
from app.core.runtime import Runtime
from app.core.sql import Tx
from app.domain import keys, policies, workspaces
from app.domain.bulk.chunks import forget
from app.domain.bulk.engine import DEFAULT_MEMORY, Duck
from app.domain.bulk.partition import snapshot
from app.domain.bulk.reading import Told
from app.domain.bulk.resolve import resolve as resolve_all
from app.domain.bulk.simulate import seen, simulate
from app.domain.refreshes import is_under_way
from app.identity.policy import Policy

SHOWN = 5
"""Samples of each kind that people are shown; programs get all."""

DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing; say what would merge and split.")]
Model = Annotated[int | None, typer.Option(help="Match by this version of the model; 0 is the shipped one.")]
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", help="A policy as GET /v1/policy answers it, put in force if not a dry run.")
]
Memory = Annotated[str, typer.Option(help="What the engine may use, beside some for each record.")]


def resolve(
    dry_run: DryRun = False,
    model: Model = None,
    policy: PolicyFile = None,
    memory: Memory = DEFAULT_MEMORY,
    workspace: InWorkspace = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Find everybody's person anew, all records at once, and write what differs; or only say what would.

    A run that is killed has changed nothing, and the next one goes on from its scores. What comes in meanwhile is
    accepted and waits; with --dry-run everything goes on.

    Example: cdp resolve --dry-run --policy stricter.json
    """
    wanted = None if policy is None else _read(policy)

    async def work(rt: Runtime, tx: Tx) -> tuple[SimulationShape, dict[str, Any], Path]:
        home = rt.settings.data_dir / "bulk" / str(tx.workspace_id)
        with _stages() as told:
            if dry_run:
                await snapshot(tx)
            async with rt.lobby() as lobby:
                ids = PublicIds((await workspaces.by_name(lobby, workspace)).salt)
            keyring = await keys.load(rt.key_service, tx)
            held, by = await _policies(tx, keyring, wanted, model)
            refreshing = await is_under_way(tx)
            if dry_run:
                found = await simulate(tx, keyring, by, Duck(memory), told, home=home)
                return shape(found, ids, refreshing=refreshing), {}, home
            if by != held:
                await policies.put(tx, keyring, held.version, by, now=rt.now())
            done = await resolve_all(tx, keyring, Duck(memory), home, told, now=rt.now())
        return shape(done.difference, ids, refreshing=False), {"derived": done.derived, "pairs": done.pairs}, home

    found, did, home = in_workspace(workspace, work)
    forget(home)
    shown = {"workspace": workspace, **found.model_dump(), "dry_run": dry_run, **did}
    answer(shown, "\n".join(_said(found, workspace, dry_run=dry_run)), as_json=as_json)


def _read(place: Path) -> tuple[int, Policy]:
    """The version that a policy follows, and the policy."""
    try:
        said = orjson.loads(place.read_bytes())
        if isinstance(said, dict):
            said.pop("refreshing", None)
        new = PolicyIn.model_validate(said)
    except OSError as failure:
        raise NotFound(f"--policy {place} cannot be read: {failure.strerror}.") from failure
    except ValidationError as faults:
        first = faults.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise Refused(f"--policy {place} is no policy; see {where}: {first['msg'].lower()}.") from None
    except ValueError:
        raise Refused(f"--policy {place} is no policy; save what GET /v1/policy answers and change that.") from None
    return new.version, policies.from_body(new.version, new.model_dump(exclude={"version"}))


async def _policies(
    tx: Tx, keyring: Keyring, wanted: tuple[int, Policy] | None, model: int | None
) -> tuple[Policy, Policy]:
    """The policy in force, and the one to resolve by."""
    held = await seen(tx, keyring, None if wanted is None else wanted[0])
    by = held if wanted is None else wanted[1]
    if model is not None:
        by = replace(by, matching=replace(by.matching, on=True, model=model))
    return held, by


@contextmanager
def _stages() -> Iterator[Told]:
    """A bar on stderr for each stage, where people look."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def told(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield told


def _said(found: SimulationShape, workspace: str, *, dry_run: bool) -> Iterator[str]:
    verb, then = ("would become", "then") if dry_run else ("became", "now")
    before = "now" if dry_run else "before"
    profiles = found.profiles
    yield f"{workspace}: {found.records:,} records; {profiles.now:,} profiles {before}, {profiles.then:,} {then}."
    yield f"Merges: {found.merges.profiles:,} profiles {verb} {found.merges.into:,}."
    yield from _samples(found.merges, "of")
    yield f"Splits: {found.splits.profiles:,} profiles {verb} {found.splits.into:,}."
    yield from _samples(found.splits, "into")
    yield f"Records in another profile: {found.moved:,}."
    if found.frozen:
        yield f"Groups beyond max_component, which were left as they are: {found.frozen:,}."
    if found.refreshing:
        yield "Profiles are still being derived again after a change of rules, so some of this comes without you."


def _samples(change: ChangeShape, made: str) -> Iterator[str]:
    for sample in change.samples[:SHOWN]:
        yield f"  {sample.profile} {made} {_some(sample)}"
        for link in sample.because[:SHOWN]:
            yield f"    {link.a.source}/{link.a.key} and {link.b.source}/{link.b.key}: {_link(link)}"


def _some(sample: SampleShape) -> str:
    shown = ", ".join(sample.profiles[:SHOWN])
    more = len(sample.profiles) - SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown


def _link(link: ReasonShape) -> str:
    how = {"identifier": link.namespace or "", "match": f"score {link.score or 0:.2f}", "decision": "a decision"}
    return how[link.kind] + (f", {link.because}" if link.because else "")
