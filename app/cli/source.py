"""`cdp source`: the systems that send data, and what they declare about their values."""

import inspect
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import wraps
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from app.cli.answer import DEFAULT_WORKSPACE, AsJson, InWorkspace, answer
from app.cli.within import in_workspace
from app.core.errors import Refused
from app.core.runtime import Runtime
from app.core.sql import Tx
from app.domain import sources
from app.domain.normalize import Declarations
from app.domain.sources import Source

app = typer.Typer(help="Sources and what they declare.", no_args_is_help=True, rich_markup_mode=None)

MAX_PRIORITY = sources.EDITS_PRIORITY - 1

Name = Annotated[str, typer.Argument(help="The source's name.")]
Priority = Annotated[
    int | None, typer.Option(min=-1000, max=MAX_PRIORITY, help="A higher one is trusted more; 0 unless set.")
]
Region = Annotated[str | None, typer.Option(help="Country of telephone numbers without one, such as FR.")]
Zone = Annotated[str | None, typer.Option(help="Time zone of times without an offset, such as Europe/Paris.")]
DayFirst = Annotated[
    bool | None, typer.Option("--day-first/--month-first", help="How 03/04/1990 is read; unset: not at all.")
]
Currency = Annotated[str | None, typer.Option(help="Currency of bare amounts, such as EUR.")]
Locale = Annotated[str | None, typer.Option(help="How 1.234 is read, such as fr or en-GB.")]

_LETTERS = {"region": "[A-Z]{2}", "currency": "[A-Z]{3}", "locale": "[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*"}
_EXAMPLES = {"region": "FR", "currency": "EUR", "locale": "fr"}


@dataclass(frozen=True, slots=True)
class Said:
    """What a command line says of a source; None for what it does not name."""

    priority: Priority = None
    region: Region = None
    zone: Zone = None
    day_first: DayFirst = None
    currency: Currency = None
    locale: Locale = None


def saying(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes `said` the options of Said in its place."""
    options = inspect.signature(Said).parameters
    parameters: list[inspect.Parameter] = []
    for each in inspect.signature(command).parameters.values():
        parameters += options.values() if each.name == "said" else [each]

    @wraps(command)
    def run(**given: Any) -> None:
        said = Said(**{name: given.pop(name) for name in options})
        command(said=said, **given)

    # Typer reads both.
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


@app.command("create")
@saying
def create(name: Name, said: Said, workspace: InWorkspace = DEFAULT_WORKSPACE, as_json: AsJson = False) -> None:
    """Create a source.

    Example: cdp source create shop --priority 10 --region FR --zone Europe/Paris --day-first --currency EUR
    """
    wanted = declared(Declarations(), said)

    async def work(rt: Runtime, tx: Tx) -> Source:
        return await sources.create(tx, name, now=rt.now(), priority=said.priority or 0, declared=wanted)

    made = in_workspace(workspace, work)
    answer(shown(made), f"Source {name} is there; `cdp key --source {name}` prints its write key.", as_json=as_json)


@app.command("set")
@saying
def change(name: Name, said: Said, workspace: InWorkspace = DEFAULT_WORKSPACE, as_json: AsJson = False) -> None:
    """Change what a source declares; it holds for what arrives from now on. What is not named stays.

    Example: cdp source set shop --priority 20 --month-first
    """

    async def work(rt: Runtime, tx: Tx) -> Source:
        held = await sources.by_name(tx, name)
        priority = held.priority if said.priority is None else said.priority
        wanted = replace(held, priority=priority, declared=declared(held.declared, said))
        return await sources.declare(tx, wanted, now=rt.now())

    held = in_workspace(workspace, work)
    answer(shown(held), told(held), as_json=as_json)


@app.command("show")
def show(name: Name, workspace: InWorkspace = DEFAULT_WORKSPACE, as_json: AsJson = False) -> None:
    """Show one source.

    Example: cdp source show shop
    """

    async def work(_: Runtime, tx: Tx) -> Source:
        return await sources.by_name(tx, name)

    held = in_workspace(workspace, work)
    answer(shown(held), told(held), as_json=as_json)


@app.command("list")
def list_sources(workspace: InWorkspace = DEFAULT_WORKSPACE, as_json: AsJson = False) -> None:
    """List the sources of a workspace, oldest first.

    Example: cdp source list --json
    """

    async def work(_: Runtime, tx: Tx) -> list[Source]:
        return list((await sources.all_sources(tx)).values())

    found = in_workspace(workspace, work)
    lines = "\n".join(told(each) for each in found)
    answer(
        {"items": [shown(each) for each in found]},
        lines or "There is no source yet; `cdp source create NAME` makes one.",
        as_json=as_json,
    )


def declared(held: Declarations, said: Said) -> Declarations:
    """The declarations with what was given. Raises Refused for what cannot be meant."""
    for option, letters in _LETTERS.items():
        value = getattr(said, option)
        if value is not None and not re.fullmatch(letters, value):
            raise Refused(f"--{option} is a code such as {_EXAMPLES[option]}.")
    if said.zone is not None:
        try:
            ZoneInfo(said.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise Refused("--zone is a name of the IANA time zone database, such as Europe/Paris.") from None
    given = {name: value for name, value in asdict(said).items() if name != "priority" and value is not None}
    return replace(held, **given)


def shown(source: Source) -> dict[str, Any]:
    return {
        "name": source.name,
        "kind": source.kind,
        "priority": source.priority,
        "declared": asdict(source.declared),
        "disabled": source.disabled,
        "has_key": source.has_key,
    }


def told(source: Source) -> str:
    """One line for people."""
    said = {name: value for name, value in asdict(source.declared).items() if value not in (None, False)}
    if source.declared.day_first is False:
        said["day_first"] = False
    words = [f"priority {source.priority}", *(f"{name} {value}" for name, value in said.items())]
    if source.disabled:
        words.append("disabled")
    return f"{source.name}: {', '.join(words)}"
