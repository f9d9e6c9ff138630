"""`cdp import`: a file into the running product, with its progress, and what to do next."""

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from app.cli.address import reachable
from app.cli.answer import DEFAULT_WORKSPACE, AsJson, InWorkspace, answer
from app.cli.sending import Api
from app.cli.token import access_token
from app.cli.within import in_workspace
from app.core.errors import NotFound, Refused
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.core.sql import Tx
from app.core.tokens.scopes import INGEST_WRITE
from app.domain import sources

LOOK_EVERY = 0.2
ENDED = ("done", "failed")
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
}

Pairs = Annotated[list[str] | None, typer.Option("--map", help="COLUMN=trait; `COLUMN=` leaves it out. Repeatable.")]


def import_file(
    file: Annotated[Path, typer.Argument(help="A CSV, JSON, NDJSON or Parquet file, .gz or not.")],
    source: Annotated[str, typer.Option(help="The source whose records these are.")],
    create: Annotated[bool, typer.Option("--create", help="Create the source if there is none of that name.")] = False,
    key: Annotated[
        str | None, typer.Option(help="Column with the record's key; else the one called key or id.")
    ] = None,
    mapping: Pairs = None,
    identifier: Annotated[list[str] | None, typer.Option(help="COLUMN=namespace. Repeatable.")] = None,
    observed_at: Annotated[str | None, typer.Option(help="Column with the time of the row at its source.")] = None,
    format: Annotated[str | None, typer.Option(help="csv, json, ndjson or parquet; else told from the name.")] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="CSV: one character or `tab`; else told from the header.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="CSV: utf-8, utf-16, latin-1 or cp1252.")] = None,
    workspace: InWorkspace = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Import a file of records into the running product. Ends with 1 when the file cannot be read to its end.

    Example: cdp import customers.csv --source crm --create --key customer_id
    """
    if not file.is_file():
        raise NotFound(f"There is no file {str(file)!r}.")
    chosen = format or format_of(file)
    settings = Settings()
    base_url = settings.public_url or reachable(settings.host, settings.port)
    api = Api(base_url, access_token(settings, [INGEST_WRITE], workspace))
    if create:
        _ensure(workspace, source)
    query = {
        "source": source,
        "format": chosen,
        "create": "false",
        "key": key,
        "map": mapping,
        "identifier": identifier,
        "observed_at": observed_at,
        "delimiter": delimiter,
        "encoding": encoding,
    }
    started = time.monotonic()
    with _bar(as_json=as_json) as (bar, task):
        bar.update(task, total=file.stat().st_size)
        given = {name: value for name, value in query.items() if value is not None}
        job = api.send("/v1/imports", given, file, lambda done: bar.update(task, completed=done))
        job = _followed(api, job["id"], bar, task)
    seconds = time.monotonic() - started
    answer(job, told(job, file, base_url, seconds), as_json=as_json)
    if job["state"] == "failed":
        raise Refused(job["failure"])


def format_of(file: Path) -> str:
    """The format that a file's name tells. Raises Refused where it tells none."""
    suffixes = [suffix.lower() for suffix in file.suffixes if suffix.lower() != ".gz"]
    found = SUFFIXES.get(suffixes[-1]) if suffixes else None
    if found is None:
        raise Refused("The file's name does not tell its format; say --format csv, json, ndjson or parquet.")
    return found


def told(job: dict[str, Any], file: Path, base_url: str, seconds: float) -> str:
    """What became of the file, and what to do next."""
    rate = job["rows_read"] / seconds if seconds else 0
    rows = f"{job['rows_read']:,} row{'' if job['rows_read'] == 1 else 's'}"
    lines = [
        f"{file.name}: {rows} in {seconds:.1f} s ({rate:,.0f} a second): "
        f"{job['accepted']:,} accepted, {job['duplicates']:,} duplicates, {job['rejected']:,} rejected.",
    ]
    header = '"Authorization: Bearer $(cdp token --scope {})"'
    if job["rejected"]:
        lines += [
            "",
            "The rejected rows, each with its reason; mend them and import them again:",
            f"  curl -H {header.format('ingest:write')} \\",
            f"    {base_url}/v1/imports/{job['id']}/rejected -o rejected.csv",
        ]
    if job["accepted"]:
        query = f'{{"lookups": [{{"source": "{job["source"]}", "key": "KEY"}}]}}'
        lines += [
            "",
            "One of its people, with KEY from the file:",
            f"  curl {base_url}/v1/profiles/lookup -H 'Content-Type: application/json' \\",
            f"    -H {header.format('profiles:read')} \\",
            f"    -d {shlex.quote(query)}",
        ]
    return "\n".join(lines)


def _ensure(workspace: str, source: str) -> None:
    async def work(rt: Runtime, tx: Tx) -> None:
        await sources.ensure(tx, source, now=rt.now())

    in_workspace(workspace, work)


def _followed(api: Api, id: str, bar: Progress, task: TaskID) -> dict[str, Any]:
    """Follow an import to its end."""
    began = time.monotonic()
    while True:
        job: dict[str, Any] = api.get(f"/v1/imports/{id}")
        rate = job["rows_read"] / max(time.monotonic() - began, LOOK_EVERY)
        counts = f"{job['accepted']:,} new, {job['duplicates']:,} repeats, {job['rejected']:,} rejected"
        bar.update(
            task,
            description="Reading",
            total=max(job["bytes"], 1),
            completed=job["bytes_done"],
            counts=f"{rate:,.0f} rows/s, {counts}",
        )
        if job["state"] in ENDED:
            return job
        time.sleep(LOOK_EVERY)


@contextmanager
def _bar(*, as_json: bool) -> Iterator[tuple[Progress, TaskID]]:
    """A progress bar on stderr, which a program that asks for JSON does not want."""
    bar_column = BarColumn(bar_width=12)
    columns = (TextColumn("{task.description}"), bar_column, TaskProgressColumn(), TextColumn("{task.fields[counts]}"))
    with Progress(*columns, console=Console(stderr=True), disable=as_json) as bar:
        yield bar, bar.add_task("Sending", counts="")
