"""Labelled data: a file of records with a column mapping, and a file that says which of them are one entity."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.core.errors import NotFound, Refused

ID = ("id", "unique_id", "record_id")
CLUSTER = ("cluster", "cluster_id", "entity", "entity_id")


@dataclass(frozen=True, slots=True)
class Columns:
    """How rows become records: trait to the columns that make it (joined by a space), namespace to its columns (each a
    value), and the columns with the record's id and source. Without a source column all rows are of one source."""

    traits: Mapping[str, Sequence[str]] = field(default_factory=dict)
    identifiers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    id: str = "id"
    source: str | None = "source"


@dataclass(frozen=True, slots=True)
class Row:
    """One record as the file has it. Empty cells are not there."""

    id: str
    source: str
    traits: Mapping[str, str]
    identifiers: Sequence[tuple[str, str]]


def rows(path: Path, columns: Columns) -> Iterator[Row]:
    """The records of a CSV file. Raises Refused for a column that it does not have."""
    with _opened(path) as file:
        reader = csv.DictReader(file)
        header = set(reader.fieldnames or ())
        named = {c for each in (*columns.traits.values(), *columns.identifiers.values()) for c in each} | {columns.id}
        if unknown := sorted(named - header):
            raise Refused(f"{path.name} has no column {unknown[0]!r}; it has {', '.join(sorted(header)) or 'none'}.")
        for row in reader:
            traits = {
                name: text
                for name, parts in columns.traits.items()
                if (text := " ".join(filter(None, ((row[part] or "").strip() for part in parts))))
            }
            held = [
                (namespace, row[part])
                for namespace, parts in columns.identifiers.items()
                for part in parts
                if (row[part] or "").strip()
            ]
            source = row.get(columns.source) if columns.source is not None else None
            yield Row(row[columns.id], source or "file", traits, held)


def truth(path: Path) -> dict[str, str]:
    """Record id to entity. Raises Refused for a file without the two columns."""
    with _opened(path) as file:
        reader = csv.DictReader(file)
        header = reader.fieldnames or ()
        id, cluster = _one_of(ID, header), _one_of(CLUSTER, header)
        if id is None or cluster is None:
            raise Refused(f"{path.name} must have the columns id and cluster.")
        return {row[id]: row[cluster] for row in reader}


def _one_of(names: Sequence[str], header: Sequence[str]) -> str | None:
    lower = {column.lower(): column for column in header}
    return next((lower[name] for name in names if name in lower), None)


def _opened(path: Path):  # type: ignore[no-untyped-def]
    try:
        return path.open(newline="", encoding="utf-8-sig")
    except OSError as failure:
        raise NotFound(f"{path} cannot be read: {failure.strerror or 'it is not a file'}.") from failure
