"""Step 1, open: unseal each log entry and read what it says about which record."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson

from app.core.errors import Fault
from app.domain import tracking
from app.domain.deliveries import Delivery, Kind, from_record
from app.domain.entries import Entry
from app.domain.pipeline.batch import Batch
from app.domain.sources import Source

Reader = Callable[[int, Source, Mapping[str, Any], datetime], Delivery | Fault]
READERS: Mapping[int, Reader] = {Kind.EVENT: tracking.from_event, Kind.RECORD: from_record}


async def open_entries(batch: Batch) -> None:
    """Turn every entry into a delivery; what cannot be read is set aside with the place that is wrong."""
    for entry in batch.entries:
        said = read(batch, entry)
        if isinstance(said, Fault):
            batch.set_aside(entry.log_id, said.code, said.pointer, said.detail)
        else:
            batch.deliveries.append(said)


def read(batch: Batch, entry: Entry) -> Delivery | Fault:
    source = batch.sources.get(entry.source_id)
    if source is None:
        return Fault("", "unknown_source", "The source of this message is not there any more.")
    body = orjson.loads(batch.keyring.open(entry.body, "ingest_log", "body", entry.message_token))
    return READERS[entry.kind](entry.log_id, source.at(entry.log_id), body, entry.received_at)
