"""What is stored of a workspace's matching and links, into the engine, a page at a time."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import pyarrow as pa

from app.core.sql import Queries, Tx
from app.domain.bulk.division import TIES, tie_token
from app.domain.bulk.engine import Engine, table
from app.domain.bulk.reading import halves

PAGE: Final = 5_000
PAIRS: Final = {"a": pa.int64(), "b": pa.int64(), "score": pa.float64(), "model": pa.int32()}
CARRIED: Final = {"hi": pa.uint64(), "lo": pa.uint64(), "id": pa.int64()}

_bulk = Queries("bulk")

Row = Mapping[str, Any]


async def pairs(tx: Tx, engine: Engine) -> None:
    """The table `stored_pairs`."""
    await _all(
        tx,
        engine,
        "stored_pairs",
        PAIRS,
        {"a": 0, "b": 0},
        lambda row: (row["a"], row["b"], row["score"], row["model"]),
    )


async def links(tx: Tx, engine: Engine) -> None:
    """The table `stored_links`, with the columns of `ties`."""

    def columns(row: Row) -> tuple[Any, ...]:
        ends = (row["a"], row["b"], row["kind"], *tie_token(row["token"]))
        return *ends, row["namespace"], row["score"], row["model"], row["refused"]

    await _all(tx, engine, "stored_links", TIES, {"a": 0, "b": 0, "kind": "", "token": b""}, columns)


async def identifiers(tx: Tx, engine: Engine) -> None:
    """The table `stored_identifiers`: the index of who carries what."""
    await _all(
        tx,
        engine,
        "stored_identifiers",
        CARRIED,
        {"token": b"", "record_id": 0},
        lambda row: (*halves(row["token"]), row["record_id"]),
    )


async def _all(
    tx: Tx,
    engine: Engine,
    name: str,
    columns: Mapping[str, pa.DataType],
    position: dict[str, Any],
    turned: Callable[[Row], tuple[Any, ...]],
) -> None:
    await asyncio.to_thread(engine.insert, name, table(columns, []))
    while rows := await _bulk.rows(tx, name, many=PAGE, **position):
        await asyncio.to_thread(engine.insert, name, table(columns, map(turned, rows)))
        position = {key: rows[-1][key] for key in position}
