"""Named SQL: statements live in .sql files, are read once, and are called by name.

A `Tx` is one open transaction bound to one workspace. `:name` in a statement is
a parameter; `:workspace_id` is filled in from the transaction, so that no call
can name another workspace than the one its row-level security is set to.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Any

import asyncpg

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")
_COMMENT = re.compile(r"--[^\n]*")


@dataclass(frozen=True, slots=True)
class Tx:
    """One transaction on one connection, with `samewise.workspace` set for its length."""

    conn: asyncpg.Connection
    workspace_id: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement with positional parameters, and the names they stand for, in order."""

    sql: str
    parameters: tuple[str, ...]

    def arguments(self, tx: Tx, given: dict[str, Any]) -> list[Any]:
        given["workspace_id"] = tx.workspace_id
        return [given[name] for name in self.parameters]


def statement(text: str) -> Statement:
    names: list[str] = []

    def place(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return Statement(_PARAMETER.sub(place, _COMMENT.sub("", text).strip().rstrip(";")), tuple(names))


class Queries:
    """The statements of one .sql file: `log = Queries("ingest_log")`."""

    def __init__(self, file: str, package: str = "app.domain.sql") -> None:
        source = (resources.files(package) / f"{file}.sql").read_text("utf-8")
        _, *parts = _NAME.split(source)
        self.statements = {name: statement(body) for name, body in zip(parts[::2], parts[1::2], strict=True)}

    async def rows(self, tx: Tx, name: str, /, **given: Any) -> list[asyncpg.Record]:
        """Run a statement and return its rows."""
        held = self.statements[name]
        rows: list[asyncpg.Record] = await tx.conn.fetch(held.sql, *held.arguments(tx, given))
        return rows

    async def row(self, tx: Tx, name: str, /, **given: Any) -> asyncpg.Record | None:
        """Run a statement and return its first row, if any."""
        held = self.statements[name]
        return await tx.conn.fetchrow(held.sql, *held.arguments(tx, given))

    async def value(self, tx: Tx, name: str, /, **given: Any) -> Any:
        """Run a statement and return the first column of its first row."""
        held = self.statements[name]
        return await tx.conn.fetchval(held.sql, *held.arguments(tx, given))

    async def run(self, tx: Tx, name: str, /, **given: Any) -> int:
        """Run a statement and return how many rows it touched."""
        held = self.statements[name]
        status: str = await tx.conn.execute(held.sql, *held.arguments(tx, given))
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0


def arrays(rows: Iterable[tuple[Any, ...]], names: str) -> dict[str, list[Any]]:
    """Turn rows into named arrays, for `unnest`: one name a column, each an empty list when there are no rows."""
    split = names.split()
    turned = [list(column) for column in zip(*rows, strict=True)]
    return dict(zip(split, turned or [[] for _ in split], strict=True))
