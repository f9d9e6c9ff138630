"""Record-ingest requests as they were answered: for `Idempotency-Key`, and for the fate of their items."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core.crypto.keyring import Keyring
from app.core.errors import Conflict, Fault
from app.core.ids import PublicIds
from app.core.sql import Queries, Tx
from app.domain import fates
from app.domain.fates import Fate
from app.domain.pointers import kept
from app.domain.record_ingest import Receipt

_log = Queries("ingest_log")


@dataclass(frozen=True, slots=True)
class Once:
    """An idempotency key and the request it came with, both as keyed hashes."""

    key_token: bytes
    request_token: bytes


def once(keyring: Keyring, key: str, source: str, body: bytes) -> Once:
    return Once(
        keyring.token("idempotency", key), keyring.token(f"request/{source}", body.decode("utf-8", "surrogateescape"))
    )


async def next_id(tx: Tx) -> int:
    """The id of a request about to be taken."""
    fresh: int = await _log.value(tx, "next_id")
    return fresh


async def answered(tx: Tx, asked: Once) -> tuple[int, Mapping[str, Any]] | None:
    """(batch id, answer) of the first request with this idempotency key. Raises Conflict for another request."""
    row = await _log.row(tx, "batch_by_idempotency", token=asked.key_token)
    if row is None:
        return None
    if row["request_token"] != asked.request_token:
        raise Conflict("This Idempotency-Key came before with another request; give each request its own.")
    return row["id"], row["answer"]


async def keep(
    tx: Tx, id: int, source_id: int, receipt: Receipt, asked: Once | None, *, now: datetime
) -> dict[str, Any]:
    """Store the answer of a request with it: the same transaction, so a stored answer is a true one.

    Returned is what the sender is told now; stored is the same without the keys that only the sender could name. With
    an idempotency key it is told what is stored, for that is what it will be told again.
    """
    answer = {
        "accepted": receipt.accepted,
        "duplicates": receipt.duplicates,
        "rejected": [_rejected(index, fault, fault.pointer) for index, fault in receipt.rejected],
        "entries": receipt.log_ids,
        "repeats": receipt.repeats,
    }
    stored = {**answer, "rejected": [_rejected(index, fault, kept(fault)) for index, fault in receipt.rejected]}
    await _log.run(
        tx,
        "add_batch",
        id=id,
        source_id=source_id,
        idempotency_token=None if asked is None else asked.key_token,
        request_token=None if asked is None else asked.request_token,
        answer=stored,
        now=now,
    )
    return answer if asked is None else stored


def _rejected(index: int, fault: Fault, pointer: str) -> dict[str, Any]:
    return {"index": index, "code": fault.code, "detail": fault.detail, "pointer": pointer}


async def fate_of_item(tx: Tx, keyring: Keyring, ids: PublicIds, message_id: str) -> Fate | None:
    """The fate of `<batch id>-<index>`: its log entry's, or `duplicate` where it repeated what was there."""
    public, _, index = message_id.rpartition("-")
    number = ids.decode(public)
    if number is None or not (index.isascii() and index.isdigit() and len(index) < 8):
        return None
    row = await _log.row(tx, "batch", id=number)
    if row is None:
        return None
    entries, place = row["answer"]["entries"], int(index)
    if place >= len(entries) or any(each["index"] == place for each in row["answer"]["rejected"]):
        return None
    log_id = entries[place]
    found = await fates.of_entry(tx, log_id) if log_id is not None else None
    if place in row["answer"]["repeats"] or found is None:
        profile = (None, None) if found is None else (found.profile_id, found.profile_version)
        return Fate("duplicate", None, *profile, row["received_at"], row["received_at"])
    return found
