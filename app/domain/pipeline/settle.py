"""Step 6, settle: events go to their records, every message gets its fate, and nothing of the batch waits any more."""

from app.core.sql import Queries, arrays
from app.domain import quarantine
from app.domain.deliveries import instant
from app.domain.pipeline.batch import Batch

_pipeline = Queries("pipeline")


async def settle(batch: Batch) -> None:
    await _add_events(batch)
    await _add_fates(batch)


async def _add_events(batch: Batch) -> None:
    rows = [
        (
            batch.record_of[word.log_id],
            instant(word.event.at),
            word.log_id,
            int(word.event.type),
            batch.keyring.token("event_name", word.event.name) if word.event.name is not None else None,
        )
        for word in batch.words
        if word.event is not None
    ]
    if rows:
        await _pipeline.run(batch.tx, "add_events", **arrays(rows, "record_ids occurred_ats log_ids types name_tokens"))


async def _add_fates(batch: Batch) -> None:
    rows: list[tuple[int, str, str | None, int | None, int | None, int | None]] = []
    for word in batch.words:
        record_id = batch.record_of[word.log_id]
        record = batch.region.records[record_id]
        profile_id = record.profile_id if record.profile_id is not None else batch.region.was_at[record_id][0]
        version = batch.versions.get(profile_id) if profile_id is not None else None
        rows.append((word.log_id, "applied", None, record_id, profile_id, version))
    rows += [(aside.log_id, "quarantined", aside.code, None, None, None) for aside in batch.aside]
    if batch.aside:
        await quarantine.set_aside_entries(batch.tx, batch.keyring, batch.entries, batch.aside, now=batch.now)
    if rows:
        await _pipeline.run(
            batch.tx, "settle", now=batch.now, **arrays(rows, "log_ids fates reasons record_ids profile_ids versions")
        )
