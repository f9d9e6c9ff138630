"""The partition of a workspace at one moment, all stages one after the other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.core.crypto.keyring import Keyring
from app.core.sql import Queries, Tx
from app.domain.bulk.components import components
from app.domain.bulk.division import divided
from app.domain.bulk.engine import Engine
from app.domain.bulk.reading import Told, read
from app.domain.bulk.rules import Rules
from app.domain.bulk.scored import score

# One moment for all that is read. The engine works for longer than a connection may be silent in a transaction.
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
PATIENT = "SET LOCAL idle_in_transaction_session_timeout = 0"
MANY = 2**31 - 1

_bulk = Queries("bulk")

NOW = """
CREATE TABLE now AS
SELECT r.id, r.profile AS was, CASE WHEN p.id IS NOT NULL THEN p.profile WHEN r.founds THEN r.id END AS becomes,
       r.component AS was_component, coalesce(c.component, r.id) AS component
  FROM records r LEFT JOIN placed p ON p.id = r.id LEFT JOIN components c ON c.id = r.id
"""


@dataclass(frozen=True, slots=True)
class Whole:
    """A workspace divided: the engine holds it as `now` (id, was, becomes, was_component, component), `ties`, `pairs`,
    `carried` and `decisions`. `frozen`: components beyond the size that the policy allows."""

    engine: Engine
    rules: Rules
    records: int
    frozen: list[int]


async def how_many(tx: Tx, most: int = MANY) -> int:
    """The live records of a workspace, counted no further than `most`."""
    return int(await _bulk.value(tx, "how_many", most=most))


async def partition(
    tx: Tx, keyring: Keyring, rules: Rules, engine: Engine, told: Told, *, home: Path | None = None
) -> Whole:
    """Divide every live record that the transaction sees, under these rules.

    The caller sees to it that the transaction sees one moment: by `snapshot`, or by keeping everybody from writing.
    `home` is a directory for what a killed run need not do again.
    """
    await tx.conn.execute(PATIENT)
    total = await how_many(tx)
    digest = await read(tx, keyring, rules, engine, told, total)
    await score(rules, engine, digest, home, told)
    await components(tx, rules, engine, told)
    frozen = await divided(tx, keyring, rules, engine, told)
    await asyncio.to_thread(engine.run, NOW)
    return Whole(engine, rules, total, frozen)


async def snapshot(tx: Tx) -> None:
    """Let a fresh transaction see one moment for as long as it lasts, and change nothing."""
    await tx.conn.execute(SNAPSHOT)


@asynccontextmanager
async def opened(engine: Engine) -> AsyncIterator[Engine]:
    """The engine, closed when the block ends."""
    try:
        yield engine
    finally:
        await asyncio.to_thread(engine.close)
