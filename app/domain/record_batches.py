"""Record-ingest requests as they were answered: for `Idempotency-Key`, and for the fate of their items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from app.core.crypto.keyring import Keyring
from app.core.errors import Conflict, Fault
from app.core.ids import PublicIds
from app.core.sql import Queries, Tx, arrays
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


@dataclass(frozen=True, slots=True)
class Taken:
    """A request that was taken: its id, whose it is, and what became of it."""

    id: int
    source_id: int
    receipt: Receipt
    once: Once | None = None


def once(keyring: Keyring, key: str, source: str, body: bytes) -> Once:
    return Once(keyring.token("idempotency", key), keyring.token(f"request/{source}", body))


async def fresh_ids(tx: Tx, many: int) -> list[int]:
    """Ids of requests to be taken. One that is never used is a gap, and harms nobody."""
    return [row["id"] for row in await _log.rows(tx, "fresh_ids", many=many)]


async def answered(tx: Tx, asked: Sequence[Once]) -> dict[bytes, tuple[int, Mapping[str, Any]]]:
    """Idempotency token to (batch id, answer) of the first request that came with it. Raises Conflict where that was
    another request."""
    if not asked:
        return {}
    rows = await _log.rows(tx, "batches_by_idempotency", tokens=[each.key_token for each in asked])
    held = {row["idempotency_token"]: row for row in rows}
    for each in asked:
        if each.key_token in held:
            same(each, held[each.key_token]["request_token"])
    return {token: (row["id"], row["answer"]) for token, row in held.items()}


def same(asked: Once, request_token: bytes) -> None:
    """Raise Conflict unless this is the request that its key came with before."""
    if asked.request_token != request_token:
        raise Conflict("This Idempotency-Key came before with another request; give each request its own.")


async def keep(tx: Tx, taken: Sequence[Taken], *, now: datetime) -> list[dict[str, Any]]:
    """Store the answers of requests with them: the same transaction, so a stored answer is a true one.

    Returned is what each sender is told now; stored is the same without the keys that only the sender could name. With
    an idempotency key it is told what is stored, for that is what it will be told again.
    """
    told: list[dict[str, Any]] = []
    rows: list[tuple[Any, ...]] = []
    for each in taken:
        answer = _answer(each.receipt)
        stored = {
            **answer,
            "rejected": [_rejected(index, fault, kept(fault)) for index, fault in each.receipt.rejected],
        }
        told.append(answer if each.once is None else stored)
        tokens = (None, None) if each.once is None else (each.once.key_token, each.once.request_token)
        rows.append((each.id, each.source_id, *tokens, orjson.dumps(stored).decode()))
    columns = arrays(rows, "ids source_ids idempotency_tokens request_tokens answers")
    await _log.run(tx, "add_batches", **columns, now=now)
    return told


def _answer(receipt: Receipt) -> dict[str, Any]:
    return {
        "accepted": receipt.accepted,
        "duplicates": receipt.duplicates,
        "rejected": [_rejected(index, fault, fault.pointer) for index, fault in receipt.rejected],
        "entries": receipt.log_ids,
        "repeats": receipt.repeats,
    }


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
