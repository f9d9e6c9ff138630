"""Alerts about identities, as they are read and put aside; the pipeline raises them."""

from dataclasses import dataclass
from datetime import datetime

from app.core.crypto.keyring import Keyring
from app.core.errors import NotFound
from app.core.sql import Queries, Tx
from app.domain import source_records
from app.domain.source_records import SourceRecord

_alerts = Queries("alerts")


@dataclass(frozen=True, slots=True)
class Alert:
    """What happened (`kind`), to an identifier of `namespace` where it is about one, by how many records (`size`), and
    a record where one can begin to look."""

    id: int
    kind: str
    namespace: str | None
    size: int
    record: SourceRecord
    raised_at: datetime


async def page(tx: Tx, keyring: Keyring, *, after: int = 0, many: int) -> list[Alert]:
    """Open alerts in the order in which they were raised."""
    rows = await _alerts.rows(tx, "open", after=after, many=many)
    records = await source_records.by_ids(tx, keyring, {row["record_id"] for row in rows})
    return [
        Alert(row["id"], row["kind"], row["namespace"], row["size"], records[row["record_id"]], row["raised_at"])
        for row in rows
    ]


async def close(tx: Tx, id: int | None, *, now: datetime) -> None:
    """Put an alert aside: somebody has seen it. Raises NotFound for one that is not open."""
    if id is None or await _alerts.value(tx, "close", id=id, now=now) is None:
        raise NotFound("There is no such open alert; list them with GET /v1/alerts.")
