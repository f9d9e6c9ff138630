"""Rows of columns become records: which cell is the key, which are identifiers, and where each trait goes.

A row of a JSON or Parquet file that is a record already (`key` with `traits` or `deleted`) is taken as it is, unless
columns were named. An empty CSV cell and a Parquet null say nothing; a JSON null says that there is nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from app.core.errors import Fault, Refused
from app.core.jsonfaults import below
from app.domain.claims import Json
from app.domain.deliveries import read_time
from app.domain.formats.row import Row
from app.domain.imports.options import Options
from app.domain.normalize import Normal, normalize
from app.domain.record_ingest import Item
from app.domain.record_rules import MEMBERS
from app.domain.sources import Source
from app.domain.trait_names import trait_name

KEY_NAMES = ("key", "id")
OBSERVED_AT = "observed_at"


class Shape:
    """Makes the items of one file. `names` are its columns where it has fixed ones; raises Refused where those do not
    fit the options."""

    def __init__(self, format: str, options: Options, source: Source, names: Iterable[str] | None = None) -> None:
        self._options = options
        self._source = source
        self._is_csv = format == "csv"
        self._key: str | None = None
        if names is not None:
            self._settle(tuple(names))

    def item(self, row: Row) -> Item:
        """What the row brings to the record ingest."""
        value = row.value
        if isinstance(value, Fault):
            return Item(row.number, row.raw, value, row.own)
        if not isinstance(value, dict):
            return Item(row.number, row.raw, Fault("", "not_an_object", "A row is an object."), row.own)
        if not self._is_csv and self._is_record(value):
            return Item(row.number, row.raw, value, row.own)
        record = self._record(value)
        said = value if isinstance(record, Fault) else record
        return Item(row.number, orjson.dumps(said), record, {"row": value})

    def _is_record(self, value: Mapping[str, Json]) -> bool:
        if self._options.names_columns or "key" not in value:
            return False
        return isinstance(value.get("traits"), dict) or ("deleted" in value and value.keys() <= set(MEMBERS))

    def _settle(self, names: tuple[str, ...]) -> None:
        """Check once what would be wrong with every row."""
        options = self._options
        if not options.names_columns and not self._is_csv and {"key", "traits"} <= set(names):
            return
        for column in (options.key, options.observed_at, *options.mapping, *options.identifiers):
            if column is not None and column not in names:
                raise Refused(f"The file has no column {column!r}, which the options name.", code="no_such_column")
        self._key = options.key or _key_name(names)
        if self._key is None:
            raise Refused(
                "The file has no column called key or id; say which one is it with key=COLUMN.", code="no_key"
            )
        targets = [target for name in names if (target := self._target(name)) is not None]
        taken: set[tuple[str, ...]] = set()
        for target in sorted(targets, key=len):
            if any(target[:length] in taken for length in range(1, len(target) + 1)):
                raise Refused(
                    "Two columns go to one trait, or one goes inside another; map one elsewhere.", code="bad_header"
                )
            taken.add(target)

    def _target(self, name: str) -> tuple[str, ...] | None:
        """Where a column's cell goes among the traits; None for what is no trait."""
        options = self._options
        if name in options.mapping:
            return tuple(options.mapping[name].split(".")) if options.mapping[name] else None
        if name == self._key or name in options.identifiers or name == self._time_name:
            return None
        return tuple(name.split(".")) if self._is_csv else (name,)

    @property
    def _time_name(self) -> str:
        return self._options.observed_at or OBSERVED_AT

    def _record(self, cells: Mapping[str, Json]) -> dict[str, Json] | Fault:
        if not self._is_csv:
            self._key = self._options.key or _key_name(cells)
        key = cells.get(self._key) if self._key is not None else None
        if key is None or key == "":
            return Fault(below("", self._key or "key"), "no_key", "This row has no key.")
        record: dict[str, Any] = {"key": key, "traits": {}}
        for name, cell in cells.items():
            if self._is_csv and cell == "":
                continue
            if (target := self._target(name)) is not None:
                _put(record["traits"], target, cell)
        listed = [
            {"namespace": namespace, "value": cells[name]}
            for name, namespace in self._options.identifiers.items()
            if cells.get(name) not in (None, "")
        ]
        if listed:
            record["identifiers"] = listed
        if cells.get(self._time_name) not in (None, ""):
            record["observed_at"] = self._time(cells[self._time_name])
        return record

    def _time(self, said: Json) -> Json:
        """The time as ISO 8601, where the source's declarations tell how it is written; else as it is."""
        declared = self._source.declared
        if not isinstance(read_time(said, declared.zone), Fault):
            return said
        read = normalize("datetime", said, declared)
        return read.value if isinstance(read, Normal) else said


def _key_name(names: Iterable[str]) -> str | None:
    known = {trait_name(name): name for name in reversed(list(names))}
    return next((known[name] for name in KEY_NAMES if name in known), None)


def _put(traits: dict[str, Any], target: tuple[str, ...], cell: Json) -> None:
    for part in target[:-1]:
        traits = traits.setdefault(part, {})
    traits[target[-1]] = cell
