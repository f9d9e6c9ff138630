"""`cdp train`: a matching model that fits the workspace's own records, and the switch to it and back."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Annotated, Any, Final, Literal

import typer

from app.cli.answer import DEFAULT_WORKSPACE, AsJson, InWorkspace, answer
from app.cli.progress import progress
from app.cli.within import in_workspace, with_runtime
from app.core.errors import Refused
from app.core.runtime import Runtime
from app.core.sql import Tx
from app.domain import keys, models, policies, workspaces
from app.domain.train import switching
from app.domain.train.effect import Reach
from app.domain.train.sample import draw
from app.domain.train.thresholds import LEAST
from app.domain.train.training import Trained, Trainer
from app.domain.train.training import train as trained_on
from app.identity.matching.adapt import adapt
from app.identity.policy import Policy

SAMPLE: Final = 50_000
MOST: Final = 500_000
NEWEST: Final = 2**31 - 1
NO_SPLINK: Final = "Splink is not installed here; `pip install 'samewise[train]'`, or train without --with splink."

Many = Annotated[int, typer.Option("--sample", min=100, max=MOST, help="Records to train on, at most.")]
Precision = Annotated[
    float, typer.Option(min=0.5, max=0.9999, help="The share of links that is to be right, where evidence can tell.")
]
Base = Annotated[int, typer.Option(min=0, max=NEWEST, help="The version to lean on; 0 is the shipped model.")]
Way = Annotated[Literal["own", "splink"], typer.Option("--with", help="What learns.")]
Switch = Annotated[bool, typer.Option("--switch", help="Put the new version in force at once.")]
Use = Annotated[int | None, typer.Option("--use", min=0, max=NEWEST, help="Put this version in force; train nothing.")]
Back = Annotated[bool, typer.Option("--back", help="Put the version before in force again; train nothing.")]


@dataclass(frozen=True, slots=True)
class Kept:
    """A training whose model was kept, and the policy that puts it in force, if any."""

    version: int
    live: int
    in_force: int | None
    found: Trained
    policy: Policy | None


def train(
    workspace: InWorkspace = DEFAULT_WORKSPACE,
    sample: Many = SAMPLE,
    precision: Precision = 0.99,
    base: Base = models.SHIPPED,
    way: Way = "own",
    switch: Switch = False,
    use: Use = None,
    back: Back = False,
    as_json: AsJson = False,
) -> None:
    """Fit the matching model to the records that are here, unlabelled, and keep it as a new version.

    Says what that version would link and show to a person. Nothing uses it before the switch.

    Example: cdp train --switch
    """
    if sum((switch, use is not None, back)) > 1:
        raise Refused("Give one of --switch, --use and --back.")
    if use is not None or back:
        _tell_switch(workspace, _put(workspace, use), as_json=as_json)
        return
    trainer = trainer_of(way)
    with progress("Records") as told:
        kept = with_runtime(lambda rt: _train(rt, workspace, (sample, base, precision, switch), trainer, told))
    answer(_shown(workspace, kept), "\n".join(_told(kept)), as_json=as_json)


async def _train(
    rt: Runtime,
    name: str,
    asked: tuple[int, int, float, bool],
    trainer: Trainer,
    told: Callable[[int, int | None], None],
) -> Kept:
    """Read, compute, write: no transaction is open while the model is fitted."""
    many, base, precision, switch = asked
    async with rt.lobby() as lobby:
        workspace = await workspaces.by_name(lobby, name)
    async with rt.begin(workspace.id) as tx:
        keyring = await keys.keyring(rt, tx)
        start = (await models.get(tx, keyring, base)).model
        matching = (await policies.in_force(tx, keyring)).matching
        scored_by = models.matcher(matching, await models.scorer(tx, keyring, matching.model))
        drawn = await draw(tx, keyring, many, told)
        by = (scored_by, (await models.get(tx, keyring, matching.model)).model) if matching.on else None
    found = trained_on(drawn, start, by, precision=precision, trainer=trainer)
    async with rt.begin(workspace.id) as tx:
        keyring = await keys.keyring(rt, tx)
        version = await models.add(tx, keyring, found.model, now=rt.now())
    policy = None
    if switch:  # for itself: the model is kept even where somebody else changes the policy now
        async with rt.begin(workspace.id) as tx:
            policy = await switching.use(tx, await keys.keyring(rt, tx), version, now=rt.now())
    return Kept(version, drawn.live, matching.model if matching.on else None, found, policy)


def trainer_of(way: str) -> Trainer:
    """What learns. Raises Refused where it is not installed."""
    if way == "own":
        return adapt
    try:
        trainer: Trainer = import_module("app.domain.train.with_splink").fitted
    except ModuleNotFoundError as missing:
        raise Refused(NO_SPLINK) from missing
    return trainer


def _put(workspace: str, version: int | None) -> Policy:
    """Put a version, or the one before, in force."""

    async def work(rt: Runtime, tx: Tx) -> Policy:
        keyring = await keys.keyring(rt, tx)
        if version is None:
            return await switching.back(tx, keyring, now=rt.now())
        return await switching.use(tx, keyring, version, now=rt.now())

    return in_workspace(workspace, work)


def _tell_switch(workspace: str, policy: Policy, *, as_json: bool) -> None:
    shown = {"workspace": workspace, "model": policy.matching.model, "policy_version": policy.version}
    answer({**shown, "matching_on": policy.matching.on}, "\n".join(_switch(policy)), as_json=as_json)


def _switch(policy: Policy) -> Iterator[str]:
    if policy.matching.on:
        yield f"Model {policy.matching.model} is in force with version {policy.version} of the policy; every profile is"
        yield "derived again by it. Next: see /v1/reviews; one step back is `cdp train --back`."
    else:
        yield f"Version {policy.version} of the policy names model {policy.matching.model}, but matching is off."
        yield "Next: put a policy with matching.on true, PUT /v1/policy."


def _shown(workspace: str, kept: Kept) -> dict[str, Any]:
    found = kept.found
    return {
        "workspace": workspace,
        "version": kept.version,
        "origin": found.model.origin,
        "records": found.records,
        "of": kept.live,
        "pairs": found.met,
        "compared": found.compared,
        "evidence": asdict(found.evidence),
        "before": None if found.before is None else {"model": kept.in_force, **asdict(found.before)},
        "after": {"model": kept.version, **asdict(found.after)},
        "levels": [asdict(each) for each in found.telling],
        "policy_version": None if kept.policy is None else kept.policy.version,
    }


def _told(kept: Kept) -> Iterator[str]:
    found = kept.found
    yield f"Trained on {found.records:,} of {kept.live:,} records, of which {found.met:,} pairs meet."
    yield ""
    before, after = "matching off" if kept.in_force is None else f"model {kept.in_force}", f"model {kept.version}"
    yield f"{'':44} {before:>12} {after:>12}"
    for name, figures in _figures(found.before, found.after):
        yield f"{name:44} {figures[0]:>12} {figures[1]:>12}"
    yield ""
    yield "What was learned and says most, in bits"
    for each in found.telling:
        was = "" if each.before is None else f"{each.before:+.1f}"
        yield f"{_shortened(f'{each.comparison}: {each.level}'):44} {was:>12} {each.after:>+12.1f}"
    yield ""
    yield _evidence(found)
    if kept.policy is not None:
        yield from _switch(kept.policy)
    else:
        yield f"Model {kept.version} is kept; nothing uses it yet. Next: `cdp train --use {kept.version}`."


def _figures(before: Reach | None, after: Reach) -> Iterator[tuple[str, tuple[str, str]]]:
    for name, attribute, form in (
        ("linked from, in bits", "automatic", ".2f"),
        ("shown to a person from, in bits", "review", ".2f"),
        ("pairs linked", "linked", ","),
        ("pairs shown to a person", "waiting", ","),
    ):
        was = "" if before is None else format(getattr(before, attribute), form)
        yield name, (was, format(getattr(after, attribute), form))


def _shortened(text: str, most: int = 44) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _evidence(found: Trained) -> str:
    by = found.evidence
    known = f"{by.same:,} pairs are known to be one person and {by.different:,} to be two"
    if by.right is None:
        return f"The thresholds are the model's estimate: {known}; {LEAST} of both could set them."
    return f"The threshold for links is set by evidence: {known}; {by.right:.1%} of those above are one person."
