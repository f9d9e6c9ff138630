"""The engine of bulk work: an embedded DuckDB that keeps everything in memory and writes no file.

Its columns are personal values in the clear, and the encryption of its files needs an extension that is not part of
it; so it is given no directory. Work is cut into parts that fit, and a part that does not fit ends in a sentence.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import pyarrow as pa

from app.core.errors import Refused, Unavailable

DEFAULT_MEMORY: Final = "5GB"
SETTINGS: Final = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "temp_directory": ""}
# After the memory is set: it reads no file, writes none and loads nothing, and nobody changes that.
LOCKED: Final = "SET enable_external_access = false; SET lock_configuration = true"


class Engine(Protocol):
    """Tables in, SQL, rows out."""

    def insert(self, table: str, rows: pa.Table) -> None:
        """Add rows to a table; it is made of the first ones."""

    def run(self, sql: str) -> None:
        """Run statements whose answer nobody needs."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The answer of a statement."""

    def close(self) -> None:
        """Give everything back."""


class Duck:
    """DuckDB in this process."""

    def __init__(self, memory: str = DEFAULT_MEMORY) -> None:
        import duckdb  # 65 MB that only whoever resolves in bulk needs

        self._full = duckdb.OutOfMemoryException
        try:
            self._held = duckdb.connect(":memory:", config={**SETTINGS, "memory_limit": memory})
        except duckdb.Error as wrong:
            raise Refused(f"{memory!r:.40} is no amount of memory; say it as 4GB.") from wrong
        self._held.execute(LOCKED)
        self._made: set[str] = set()
        # Who gives up waiting for a thread must not take the connection away under it.
        self._turn = threading.RLock()

    def insert(self, table: str, rows: pa.Table) -> None:
        with self._turn:
            self._held.register("_given", rows)
            first = table not in self._made
            self.run(f"CREATE TABLE {table} AS FROM _given" if first else f"INSERT INTO {table} FROM _given")
            self._held.unregister("_given")
            self._made.add(table)

    def run(self, sql: str) -> None:
        self._answered(sql)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self._turn:
            found: list[tuple[Any, ...]] = self._answered(sql).fetchall()
        return found

    def close(self) -> None:
        self._held.interrupt()
        with self._turn:
            self._held.close()

    def _answered(self, sql: str) -> Any:
        try:
            with self._turn:
                return self._held.execute(sql)
        except self._full:
            # Not chained: its message may quote what was being worked on.
            raise Unavailable("The memory is used up; give more, as in `--memory 8GB`.", code="no_memory") from None


def table(columns: Mapping[str, pa.DataType], rows: Iterable[Sequence[Any]]) -> pa.Table:
    """Rows as a table with these columns."""
    turned = list(zip(*rows, strict=True)) or [()] * len(columns)
    held = [pa.array(values, kind) for values, kind in zip(turned, columns.values(), strict=True)]
    return pa.table(dict(zip(columns, held, strict=True)))
