"""Derive standing records again after the rules changed: the pipeline without news.

Every identifier of the records is judged anew (blocked, freed, generic or not
any more), so the walk over all records reaches every link that the new rules
make or unmake.
"""

from datetime import datetime

from app.core.crypto.keyring import Keyring
from app.core.sql import Queries, Tx
from app.domain.pipeline import locks
from app.domain.pipeline.batch import Batch, Record
from app.domain.pipeline.begin import begin
from app.domain.pipeline.locks import Moved
from app.domain.pipeline.match import match
from app.domain.pipeline.merge import merge
from app.domain.pipeline.region import may_link, record_of
from app.domain.pipeline.resolve import place
from app.domain.pipeline.version import version
from app.domain.tokens import token
from app.identity.identifier import Identifier

_refreshes = Queries("refreshes")
_pipeline = Queries("pipeline")


async def refresh(tx: Tx, keyring: Keyring, position: int, *, many: int, now: datetime) -> tuple[int, int]:
    """Derive the next `many` records after the id `position` again; return (last id, how many there were)."""
    batch = await begin(tx, keyring, now, refreshing=True)
    seen = [record_of(batch, row) for row in await _refreshes.rows(tx, "next_records", position=position, many=many)]
    if not seen:
        return position, 0
    carried = {record.id: record.state.identifiers() for record in seen}
    every = {token(keyring, held) for identifiers in carried.values() for held in identifiers}
    await locks.take(tx, [*every, *(record.key_token for record in seen)])
    await read_again(batch, seen, carried)
    await match(batch)
    await place(batch)
    await merge(batch)
    await version(batch)
    return seen[-1].id, len(seen)


async def read_again(batch: Batch, seen: list[Record], carried: dict[int, set[Identifier]]) -> None:
    """Read the records once more under their locks, with what the index holds of them today."""
    rows = await _pipeline.rows(
        batch.tx,
        "records_by_key",
        source_ids=[record.source.id for record in seen],
        key_tokens=[record.key_token for record in seen],
    )
    records = [record_of(batch, row) for row in rows]
    if any(record.state.identifiers() != carried[record.id] for record in records):
        raise Moved
    pairs = [(batch.token(held), record.id) for record in records for held in carried[record.id]]
    held = await _refreshes.rows(
        batch.tx, "held_tokens", tokens=[t for t, _ in pairs], record_ids=[id for _, id in pairs]
    )
    indexed = {(row["token"], row["record_id"]) for row in held}
    for record in records:
        record.state.withheld = frozenset()  # under the rules of today they may link again
        record.before = frozenset(i for i in carried[record.id] if (batch.token(i), record.id) in indexed)
        record.identifiers = frozenset(i for i in carried[record.id] if may_link(i, batch.policy))
        batch.region.records[record.id] = record
