"""What matching stores, written in bulk: features, blocking keys and pairs that differ from those that are there."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from app.core.sql import Queries, arrays
from app.domain.bulk import stored
from app.domain.bulk.partition import Whole
from app.domain.bulk.reading import Told, whole
from app.domain.bulk.scored import of_row
from app.domain.matching import Matcher
from app.domain.pipeline.batch import Batch
from app.domain.pipeline.known import Known, keep
from app.identity.matching.features import Features

PAGE: Final = 1_000
ROWS: Final = 5_000
"""Rows that one statement writes."""

_bulk = Queries("bulk")
_matching = Queries("matching")


async def write(batch: Batch, matcher: Matcher, by: Whole, told: Told) -> set[int]:
    """Write what differs; return the records whose pairs have changed."""
    position, done = 0, 0
    while page := await asyncio.to_thread(_page, by, position):
        last = max(page)
        await _compared(batch, matcher, page, position, last)
        position, done = last, done + len(page)
        told("Writing", done, by.records)
    await _compared(batch, matcher, {}, position, 2**62)
    return await _pairs(batch, matcher, by)


def _page(by: Whole, position: int) -> dict[int, Known]:
    """The next records, by id."""
    columns = ", ".join(Features._fields)
    rows = by.engine.rows(f"SELECT id, {columns} FROM compared WHERE id > {position} ORDER BY id LIMIT {PAGE}")
    if not rows:
        return {}
    tokens: dict[int, set[bytes]] = {row[0]: set() for row in rows}
    for hi, lo, id in by.engine.rows(f"SELECT hi, lo, id FROM keys WHERE id BETWEEN {rows[0][0]} AND {rows[-1][0]}"):
        tokens[id].add(whole(hi, lo))
    return {row[0]: Known(of_row(row[1:]), frozenset(tokens[row[0]])) for row in rows}


async def _compared(batch: Batch, matcher: Matcher, page: dict[int, Known], position: int, last: int) -> None:
    """Write the features and keys of these records, and forget those of others between the two ids."""
    held = {
        row["record_id"]: Known(
            matcher.load(batch.keyring.open(row["features"], "match_features", "features", row["record_id"])),
            frozenset(row["tokens"]),
        )
        for row in await _bulk.rows(batch.tx, "stored_features", position=position, last=last)
    }
    nothing: frozenset[bytes] = frozenset()
    lost = [
        (key, id) for id, each in held.items() for key in each.tokens - (page[id].tokens if id in page else nothing)
    ]
    gained = [
        (key, id) for id, each in page.items() for key in each.tokens - (held[id].tokens if id in held else nothing)
    ]
    await _each(batch, "drop_keys", lost, "tokens record_ids")
    await _each(batch, "add_keys", gained, "tokens record_ids")
    fresh = {id: each for id, each in page.items() if held.get(id) != each}
    await keep(batch, matcher, fresh, [id for id in held if id not in page])


async def _pairs(batch: Batch, matcher: Matcher, by: Whole) -> set[int]:
    await stored.pairs(batch.tx, by.engine)
    version = matcher.version
    gone = await _rows(by, "SELECT a, b FROM stored_pairs EXCEPT SELECT a, b FROM pairs")
    fresh = await _rows(
        by, f"SELECT a, b, score, {version} FROM pairs EXCEPT SELECT a, b, score, model FROM stored_pairs"
    )
    await _each(batch, "drop_pairs", gone, "firsts seconds")
    for start in range(0, len(fresh), ROWS):
        rows = [(a, b, score) for a, b, score, _ in fresh[start : start + ROWS]]
        await _matching.run(batch.tx, "keep_pairs", model=version, **arrays(rows, "firsts seconds scores"))
    return {id for pair in (*gone, *fresh) for id in pair[:2]}


async def _rows(by: Whole, sql: str) -> list[tuple[Any, ...]]:
    return await asyncio.to_thread(by.engine.rows, sql)


async def _each(batch: Batch, name: str, rows: Sequence[tuple[Any, ...]], names: str) -> None:
    for start in range(0, len(rows), ROWS):
        await _matching.run(batch.tx, name, **arrays(rows[start : start + ROWS], names))
