"""Derive the people behind some records again, after something other than a message spoke about them: a decision."""

from collections.abc import Collection
from datetime import datetime

from app.core.crypto.keyring import Keyring
from app.core.sql import Queries, Tx
from app.domain import refreshes
from app.domain.pipeline import locks
from app.domain.pipeline.batch import Batch
from app.domain.pipeline.begin import begin
from app.domain.pipeline.merge import merge
from app.domain.pipeline.region import record_of
from app.domain.pipeline.resolve import place
from app.domain.pipeline.version import version

_pipeline = Queries("pipeline")


async def hold(tx: Tx, record_ids: Collection[int]) -> None:
    """Lock records before what is said about them is written, in the order of every other writer."""
    await refreshes.hold_rules(tx)
    rows = await _pipeline.rows(tx, "records_by_id", ids=sorted(record_ids))
    await locks.take(tx, [row["key_token"] for row in rows])


async def rederive(tx: Tx, keyring: Keyring, record_ids: Collection[int], *, now: datetime) -> Batch:
    """Place everybody whom these records reach by what holds now, and write the profiles and versions that change.

    The caller has called `hold` for the records and written what is new. What the records themselves say does not
    change here. Records that are not there, or removed, move nobody.
    """
    batch = await begin(tx, keyring, now, moving=frozenset(record_ids))
    for row in await _pipeline.rows(tx, "records_by_id", ids=sorted(record_ids)):
        batch.region.records[row["id"]] = record_of(batch, row)
    await place(batch)
    await merge(batch)
    await version(batch)
    return batch
