"""The registry of sealed columns: every place of the database that holds a sealed blob, and what binds it there.

Whoever seals into a new column adds it here, or a test fails: a rotation of keys has to find every blob.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

Row = bytes | int | str


@dataclass(frozen=True, slots=True)
class SealedTable:
    """A table with sealed columns. `key` is its primary key after the workspace, whole numbers all; `place` gives the
    row's part of the additional data, from the key and the columns `beside` it."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    place: Callable[[Mapping[str, Any]], Row]
    beside: tuple[str, ...] = ()


def joined(*names: str) -> Callable[[Mapping[str, Any]], str]:
    """The place of a row with a key of several parts: `7/2`."""
    return lambda row: "/".join(str(row[name]) for name in names)


TABLES = (
    SealedTable("sources", ("id",), ("write_key",), itemgetter("id")),
    SealedTable("ingest_log", ("id",), ("body",), itemgetter("message_token"), beside=("message_token",)),
    SealedTable("import_chunks", ("import_id", "number"), ("body",), joined("import_id", "number")),
    SealedTable("source_records", ("id",), ("state",), itemgetter("id")),
    SealedTable("profiles", ("id",), ("sealed", "proof"), itemgetter("id")),
    SealedTable("profile_versions", ("profile_id", "version"), ("body",), joined("profile_id", "version")),
    SealedTable("policies", ("version",), ("blocked",), itemgetter("version")),
    SealedTable("decisions", ("id",), ("reason",), itemgetter("id")),
    SealedTable("match_features", ("record_id",), ("features",), itemgetter("record_id")),
    SealedTable("models", ("version",), ("body",), itemgetter("version")),
    SealedTable("quarantine", ("id",), ("body", "resolution"), itemgetter("id")),
)
