"""Labelled data: a CSV file of records with a column mapping, and one that says which of them are one entity.

Read by the product's own CSV reader, so delimiters, quotes and faults are those of an import.
"""

import gzip
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedIOBase, BufferedReader
from pathlib import Path
from typing import Final, cast

from app.core.errors import Fault, NotFound, Refused
from app.domain.claims import Json
from app.domain.formats.csv import CsvReader
from app.domain.formats.csv_header import Header, read_header

ID: Final = ("id", "unique_id", "record_id", "key")
CLUSTER: Final = ("cluster", "cluster_id", "entity", "entity_id")
ONE_SOURCE: Final = "file"
"""The source of all records where no column names one."""

PIECE_BYTES: Final = 256 * 1024
MAX_ROW_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Columns:
    """How rows become records: trait to the columns that make it (joined by a space), namespace to its columns (each a
    value), and the columns with the record's id and source. Without a source column all rows are of one source. A trait
    with a dot, `address.city`, is a part of an object."""

    traits: Mapping[str, Sequence[str]] = field(default_factory=dict)
    identifiers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    id: str = "id"
    source: str | None = "source"


@dataclass(frozen=True, slots=True)
class Row:
    """One record as the file has it: `names` are the mapped traits, the same for all rows, and `values` theirs, empty
    where there is none. It is kept for each record, which is why it is no dict."""

    id: str
    source: str
    names: tuple[str, ...]
    values: tuple[str, ...]
    identifiers: tuple[tuple[str, str], ...] = ()

    @property
    def traits(self) -> dict[str, Json]:
        """Trait to value, parts gathered into their objects. Empty cells are not there."""
        found: dict[str, Json] = {}
        for name, value in zip(self.names, self.values, strict=True):
            if value:
                whole, _, part = name.partition(".")
                if part:
                    found.setdefault(whole, {})[part] = value
                else:
                    found[name] = value
        return found


def header(path: Path) -> tuple[str, ...]:
    """The columns of a CSV file. Raises NotFound, Refused."""
    with _opened(path) as file:
        return _header(path, file.read(PIECE_BYTES)).names


def rows(path: Path, columns: Columns) -> Iterator[Row]:
    """The records of a CSV file. Raises Refused for a column that it does not have, an id that is missing or repeated,
    and a row that cannot be read."""
    held = header(path)
    named = {c for each in (*columns.traits.values(), *columns.identifiers.values()) for c in each} | {columns.id}
    if unknown := sorted(named.difference(held)):
        raise Refused(f"{path.name} has no column {unknown[0]!r}; it has {', '.join(held)}.")
    names = tuple(columns.traits)
    known: set[str] = set()
    for line, cells in _lines(path):
        id = cells[columns.id].strip()
        if not id or id in known:
            fault = "repeats the id of another row" if id else "has no id"
            raise Refused(f"Line {line} of {path.name} {fault}; give each record an id of its own in {columns.id!r}.")
        known.add(id)
        source = cells.get(columns.source, "").strip() if columns.source is not None else ""
        yield Row(
            id,
            source or ONE_SOURCE,
            names,
            tuple(" ".join(filter(None, (cells[c].strip() for c in parts))) for parts in columns.traits.values()),
            tuple((space, cells[c]) for space, parts in columns.identifiers.items() for c in parts if cells[c].strip()),
        )


def truth(path: Path, id: str | None = None) -> dict[str, str]:
    """Record id to entity; a row without an entity says nothing. `id` names the column with the id if the file has it.

    Raises Refused for a file without the two columns, or that says two things of one record.
    """
    held = header(path)
    of_record, of_entity = id if id in held else one_of(ID, held), one_of(CLUSTER, held)
    if of_record is None or of_entity is None:
        raise Refused(f"{path.name} must have the columns id and cluster; it has {', '.join(held)}.")
    found: dict[str, str] = {}
    for line, cells in _lines(path):
        record, entity = cells[of_record].strip(), cells[of_entity].strip()
        if record and entity and found.setdefault(record, entity) != entity:
            raise Refused(f"Line {line} of {path.name} puts a record into a second entity; name one for each record.")
    if not found:
        raise Refused(f"{path.name} labels no record; each row needs a value in {of_record!r} and in {of_entity!r}.")
    return found


def one_of(names: Sequence[str], held: Sequence[str]) -> str | None:
    """The first of the names that is a column, in capitals or not."""
    lower = {column.lower(): column for column in held}
    return next((lower[name] for name in names if name in lower), None)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The number of each row's line, and its cells by column."""
    with _opened(path) as file:
        piece = file.read(PIECE_BYTES)
        first = _header(path, piece)
        reader = CsvReader(first, first.start, max_bytes=MAX_ROW_BYTES)
        piece = piece[first.start.position :]
        while True:
            following = file.read(PIECE_BYTES)
            for row in reader.feed(piece, last=not following):
                if isinstance(row.value, Fault):
                    raise Refused(f"{path.name}: {row.value.detail}")
                yield row.number, row.value
            if not following:
                return
            piece = following


def _header(path: Path, first: bytes) -> Header:
    try:
        return read_header(first, delimiter=None, encoding="utf-8", whole=len(first) < PIECE_BYTES)
    except Refused as fault:
        raise Refused(f"{path.name}: {fault}") from fault


@contextmanager
def _opened(path: Path) -> Iterator[BufferedIOBase]:
    try:
        with cast(BufferedReader, gzip.open(path) if path.suffix == ".gz" else path.open("rb")) as file:
            yield file
    except (OSError, EOFError) as failure:
        because = getattr(failure, "strerror", None) or "it is no whole file of its kind"
        raise NotFound(f"{path} cannot be read: {because}.") from failure
