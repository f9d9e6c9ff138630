"""Seal a table's blobs anew under the active key, a bounded batch at a time, where nobody is in the way.

One shape of statement serves every table of the registry, so a new sealed column
is one line there. The statements never wait for a row's lock: what somebody else
holds is passed over, and found by the next walk.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.crypto.keyring import Keyring, Tampered, UnknownKey
from app.core.sql import Statement, Tx, statement
from app.domain.sealed import TABLES, SealedTable

BATCH_ROWS = 500
BATCH_BYTES = 8 * 1024 * 1024
"""What one transaction reads and writes at most, but for a single row that is larger."""

Position = list[int]


@dataclass(frozen=True, slots=True)
class Statements:
    """What walks one table, re-seals a batch of it, and counts which keys its blobs name."""

    table: SealedTable
    edge: Statement
    stale: Statement
    put: Statement
    count: Statement

    @classmethod
    def of(cls, table: SealedTable) -> "Statements":
        key, name = ", ".join(table.key), table.name
        after = ", ".join(f"CAST(:after_{k} AS bigint)" for k in table.key)
        last = ", ".join(f"CAST(:last_{k} AS bigint)" for k in table.key)
        size = " + ".join(f"coalesce(octet_length({c}), 0)" for c in table.columns)
        old = " OR ".join(f"substring({c} FROM 2 FOR 4) <> :key" for c in table.columns)
        arrays = ", ".join(
            [f"CAST(:{k} AS bigint[])" for k in table.key] + [f"CAST(:{c} AS bytea[])" for c in table.columns]
        )
        counted = " UNION ALL ".join(
            f"SELECT substring({c} FROM 2 FOR 4) AS key FROM {name}"
            f" WHERE workspace_id = :workspace_id AND {c} IS NOT NULL"
            for c in table.columns
        )
        return cls(
            table,
            statement(
                f"SELECT {key} FROM (SELECT {key}, row_number() OVER walk AS place, sum(size) OVER walk AS sizes"
                f" FROM (SELECT {key}, {size} AS size FROM {name}"
                f" WHERE workspace_id = :workspace_id AND ({key}) > ({after}) ORDER BY {key} LIMIT :rows) AS few"
                f" WINDOW walk AS (ORDER BY {key})) AS sized"
                f" WHERE place = 1 OR sizes <= :bytes ORDER BY place DESC LIMIT 1"
            ),
            statement(
                f"SELECT {', '.join((*table.key, *table.beside, *table.columns))} FROM {name}"
                f" WHERE workspace_id = :workspace_id AND ({key}) > ({after}) AND ({key}) <= ({last}) AND ({old})"
                f" ORDER BY {key} FOR NO KEY UPDATE SKIP LOCKED"
            ),
            statement(
                f"UPDATE {name} SET {', '.join(f'{c} = fresh.{c}' for c in table.columns)}"
                f" FROM unnest({arrays}) AS fresh({', '.join((*table.key, *table.columns))})"
                f" WHERE {name}.workspace_id = :workspace_id AND "
                + " AND ".join(f"{name}.{k} = fresh.{k}" for k in table.key)
            ),
            statement(f"SELECT key, count(*) AS many FROM ({counted}) AS each GROUP BY key"),
        )


STATEMENTS: Mapping[str, Statements] = {table.name: Statements.of(table) for table in TABLES}


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction did: the position it reached (None at the table's end), how many rows it sealed anew, and
    the keys of rows that do not open."""

    position: Position | None
    resealed: int
    damaged: list[Position] = field(default_factory=list)


async def batch(tx: Tx, keyring: Keyring, table: SealedTable, position: Position | None) -> Batch:
    """Seal the next rows after `position` under the keyring's active key, where they are under another one."""
    use = STATEMENTS[table.name]
    after = dict(zip((f"after_{k}" for k in table.key), position or [-1] * len(table.key), strict=True))
    edge = await _fetch(tx, use.edge, **after, rows=BATCH_ROWS, bytes=BATCH_BYTES)
    if not edge:
        return Batch(None, 0)
    last = {f"last_{k}": edge[0][k] for k in table.key}
    rows = await _fetch(tx, use.stale, **after, **last, key=named(keyring.active))
    fresh: list[tuple[Any, ...]] = []
    damaged: list[Position] = []
    for row in rows:
        key = [row[k] for k in table.key]
        try:
            fresh.append((*key, *_sealed_anew(keyring, table, row)))
        except (Tampered, UnknownKey):
            damaged.append(key)
    if fresh:
        turned = [list(column) for column in zip(*fresh, strict=True)]
        await _fetch(tx, use.put, **dict(zip((*table.key, *table.columns), turned, strict=True)))
    return Batch([edge[0][k] for k in table.key], len(fresh), damaged)


async def blobs(tx: Tx, table: SealedTable) -> dict[int, int]:
    """How many blobs of a table name each key. Reads the table from end to end."""
    rows = await _fetch(tx, STATEMENTS[table.name].count)
    return {int.from_bytes(row["key"], "big"): row["many"] for row in rows}


def named(key_id: int) -> bytes:
    """A key's id as blobs carry it, from their second byte on."""
    return key_id.to_bytes(4, "big")


def _sealed_anew(keyring: Keyring, table: SealedTable, row: Mapping[str, Any]) -> list[bytes | None]:
    place = table.place(row)
    return [
        row[c] and keyring.seal(keyring.open(row[c], table.name, c, place), table.name, c, place) for c in table.columns
    ]


async def _fetch(tx: Tx, held: Statement, **given: Any) -> Sequence[Mapping[str, Any]]:
    rows: Sequence[Mapping[str, Any]] = await tx.conn.fetch(held.sql, *held.arguments(tx, given))
    return rows
