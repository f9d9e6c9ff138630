"""The second stage: the pairs that meet under a live blocking key and score at or above the review threshold.

Chunk by chunk of records, so that memory is bounded and a killed run goes on where it was.
"""

import asyncio
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from app.domain.bulk import scoring
from app.domain.bulk.chunks import Chunks
from app.domain.bulk.engine import Engine, table
from app.domain.bulk.reading import Told
from app.domain.bulk.rules import Rules
from app.identity.cluster import STEPS, on_grid
from app.identity.matching.features import Features
from app.identity.matching.model import Model, dump

CHUNK: Final = 20_000
"""Records whose pairs are scored at once."""

PAIRS: Final = {"a": pa.int64(), "b": pa.int64(), "score": pa.float64()}
WEIGHTS: Final = {"comparison": pa.int32(), "value": pa.string(), "bits": pa.float64()}

BOUNDS = """
SELECT min(id), max(id) FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) // {chunk} AS chunk FROM records) AS held
 GROUP BY chunk ORDER BY chunk
"""
MEETINGS = """
CREATE TABLE meetings AS
SELECT k.hi, k.lo, k.id FROM keys k
  JOIN (SELECT hi, lo FROM keys GROUP BY hi, lo HAVING count(*) BETWEEN 2 AND {most}) AS live
    ON k.hi = live.hi AND k.lo = live.lo
"""
MET = """
SELECT DISTINCT k.id AS a, m.id AS b
  FROM meetings k JOIN meetings m ON k.hi = m.hi AND k.lo = m.lo AND m.id > k.id
 WHERE k.id BETWEEN {first} AND {last}
"""
SCORED = """
SELECT a, b, score FROM (
  SELECT met.a, met.b, {score} AS score
    FROM ({met}) AS met JOIN compared l ON l.id = met.a JOIN compared r ON r.id = met.b) AS every
 WHERE score >= {least}
"""


async def score(
    rules: Rules, engine: Engine, digest: bytes, home: Path | None, told: Told, *, chunk: int = CHUNK
) -> None:
    """Make the table `pairs`, what is kept of them. `home` is where finished chunks are kept, None keeps none."""
    await asyncio.to_thread(engine.insert, "pairs", table(PAIRS, []))
    if rules.matcher is None or rules.model is None:
        return
    await asyncio.to_thread(_prepare, rules.model, rules.matcher.max_holders, engine)
    chunks = None if home is None else Chunks(home, _name(rules, digest, chunk))
    wanted = await asyncio.to_thread(engine.rows, BOUNDS.format(chunk=chunk))
    for number, (first, last) in enumerate(wanted):
        told("Scoring", number, len(wanted))
        found = None if chunks is None else await asyncio.to_thread(chunks.get, number)
        if found is None:
            found = await asyncio.to_thread(_chunk, rules, engine, first, last)
            if chunks is not None:
                await asyncio.to_thread(chunks.put, number, found)
        await asyncio.to_thread(engine.insert, "pairs", found)
    told("Scoring", len(wanted), len(wanted))


def _name(rules: Rules, digest: bytes, chunk: int) -> str:
    """What the scores are a function of, in one word."""
    assert rules.model is not None
    assert rules.matcher is not None
    of = blake2b(digest + dump(rules.model), digest_size=16)
    of.update(f"{rules.floor} {rules.matcher.max_holders} {chunk}".encode())
    return of.hexdigest()


def _prepare(model: Model, most: int, engine: Engine) -> None:
    engine.insert("weights", table(WEIGHTS, scoring.weights(model)))
    engine.run(f"CREATE TABLE compared AS {scoring.compared(model)}; DROP TABLE features")
    engine.run(MEETINGS.format(most=most))


def _chunk(rules: Rules, engine: Engine, first: int, last: int) -> pa.Table:
    """The pairs whose smaller id is between the two."""
    assert rules.model is not None
    # Half a step below the floor is still rounded up to it; what is not is left out below.
    least = f"CAST('{(rules.floor - 0.5) / STEPS!r}' AS DOUBLE)"
    met = MET.format(first=first, last=last)
    found = engine.rows(SCORED.format(score=scoring.score(rules.model), met=met, least=least))
    return table(PAIRS, [each for each in found if on_grid(each[2]) >= rules.floor])


def of_row(row: tuple[Any, ...]) -> Features:
    """Features from a row with their columns."""
    return Features._make(tuple(said) if isinstance(said, list) else said for said in row)
