"""The state of each import.

uploading --> waiting --> running --> done
    |                        |
    '--(upload broke off)----'------> failed

A running import is leased to one worker. `finished_at` is set when nothing more will be read; the import stays running
until its pieces are cleared away.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core.errors import Conflict, NotFound
from app.core.sql import Queries, Tx
from app.domain.formats.row import Mark
from app.domain.imports.options import Options
from app.domain.sources import Source

UPLOAD_SILENCE = 120.0
"""Seconds without a piece after which an upload counts as broken off."""

BROKE_OFF = "The upload broke off; send the file again."
MAX_PAGE = 200

_imports = Queries("imports")


@dataclass(frozen=True, slots=True)
class Import:
    """One import as it stands. `bytes_done` grows with `position`; `total` is known of Parquet files."""

    id: int
    source_id: int
    format: str
    state: str
    options: Options
    bytes: int
    mark: Mark
    total: int | None
    rows_read: int
    accepted: int
    duplicates: int
    rejected: int
    failure: str | None
    attempts: int
    created_at: datetime
    finished_at: datetime | None
    source: str = ""

    @property
    def bytes_done(self) -> int:
        if self.finished_at is not None and self.failure is None:
            return self.bytes
        if self.format == "parquet":
            return self.bytes * self.mark.position // self.total if self.total else 0
        return min(self.mark.position, self.bytes)


async def create(tx: Tx, source: Source, format: str, options: Options, *, now: datetime) -> int:
    """Begin an upload; return the import's id."""
    id: int = await _imports.value(
        tx,
        "create",
        source_id=source.id,
        format=format,
        options={"read": options.dump()},
        silence=UPLOAD_SILENCE,
        now=now,
    )
    return id


async def uploaded(tx: Tx, id: int) -> None:
    """The file is whole: let the import wait for a worker."""
    if not await _imports.run(tx, "uploaded", id=id):
        raise Conflict("This upload was given up meanwhile; send the file again.")


async def give_up(tx: Tx, id: int, *, now: datetime, failure: str = BROKE_OFF) -> None:
    """End an upload that will not become whole. Harmless where it has ended already."""
    await _imports.run(tx, "give_up", id=id, now=now, failure=failure)


async def give_up_silent(tx: Tx, *, now: datetime) -> int:
    """End the uploads that nothing was heard of for a while; return how many."""
    return await _imports.run(tx, "give_up_silent", now=now, failure=BROKE_OFF)


async def claim(tx: Tx, lease: int, *, seconds: float) -> Import | None:
    """Lease the oldest import that is due, or None."""
    row = await _imports.row(tx, "claim", lease=lease, seconds=seconds)
    return None if row is None else _import(row)


async def extend(tx: Tx, id: int, lease: int, *, seconds: float) -> bool:
    """Keep the lease; False when it is lost."""
    return bool(await _imports.run(tx, "extend", id=id, lease=lease, seconds=seconds))


async def let_go(tx: Tx, id: int, lease: int) -> None:
    """Give the lease back for another worker or a later try."""
    await _imports.run(tx, "let_go", id=id, lease=lease)


async def hold(tx: Tx, id: int, lease: int, was: Mark) -> None:
    """Lock the import at the place this worker reads from. Raises Conflict where it is no longer this worker's."""
    if await _imports.row(tx, "hold", id=id, lease=lease, was=was.position) is None:
        raise Conflict("Another worker took this import over.")


async def move(tx: Tx, id: int, to: Mark, *, rows: int, accepted: int, duplicates: int, rejected: int) -> None:
    """Move the place behind the rows of this transaction. The import is held."""
    await _imports.run(
        tx,
        "move",
        id=id,
        position=to.position,
        line=to.line,
        rows=rows,
        accepted=accepted,
        duplicates=duplicates,
        rejected=rejected,
    )


async def note_total(tx: Tx, id: int, lease: int, total: int) -> None:
    await _imports.run(tx, "note_total", id=id, lease=lease, total=total)


async def finish(tx: Tx, id: int, lease: int, *, now: datetime, failure: str | None = None) -> None:
    """Nothing more will be read of this file. Its pieces are still there."""
    await _imports.run(tx, "finish", id=id, lease=lease, now=now, failure=failure)


async def end(tx: Tx, id: int, lease: int) -> None:
    """The pieces are gone: done, or failed."""
    await _imports.run(tx, "end", id=id, lease=lease)


async def due(lobby: Tx) -> list[int]:
    """The workspaces in which an import waits for a worker."""
    return [row["id"] for row in await _imports.rows(lobby, "due")]


async def one(tx: Tx, id: int) -> Import:
    row = await _imports.row(tx, "one", id=id)
    if row is None:
        raise NotFound("There is no such import.")
    return _import(row)


async def page(tx: Tx, *, before: int | None, many: int) -> list[Import]:
    """Imports, newest first, older than `before`."""
    return [_import(row) for row in await _imports.rows(tx, "page", before=before, many=min(many, MAX_PAGE))]


def _import(row: Mapping[str, Any]) -> Import:
    said = row["options"]
    same = {
        name: row[name] for name in Import.__dataclass_fields__ if name not in ("options", "mark", "total", "source")
    }
    return Import(
        **same,
        options=Options.load(said.get("read", {})),
        mark=Mark(row["position"], said.get("line", 1)),
        total=said.get("total"),
        source=row.get("source", ""),
    )
