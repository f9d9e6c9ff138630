"""Records on their way into the log: judged, told apart from repeats, sealed and appended, in a few statements a batch.

When is a record a repeat? One with a `message_id` when that id came before with the same content (with another content
it is set aside, not dropped). One with an `observed_at` when the same content came before, ever. One with neither when
it is the newest content under its key: A, B, A are three messages, for the source changed its mind twice; a whole
request that is sent again is a repeat as a whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from app.core.crypto.keyring import Keyring
from app.core.errors import Fault
from app.core.sql import Tx
from app.core.strictjson import Items
from app.domain import quarantine
from app.domain.claims import Json
from app.domain.ingest_log import message_token
from app.domain.quarantine import Rejected
from app.domain.record_repeats import Draft, append_news, append_permanent, content_token
from app.domain.record_rules import validate
from app.domain.sources import Source

__all__ = ["Item", "Receipt", "accept", "message_id", "validate"]

REUSED = Fault("/message_id", "message_id_reused", "This message_id came before with another content; give it its own.")


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a batch: `raw` word for word, and its value or what is wrong with it.

    `position` names it: its index in a request, its line or row in a file. `beside` are JSON members that stay with
    it where it is set aside.
    """

    position: int
    raw: bytes
    value: Json | Fault
    beside: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a batch. `log_ids` has the log entry of each item in order: its own, or the one it repeats; None
    for what was set aside and for a repeat of the newest content under its key."""

    accepted: int
    duplicates: int
    rejected: list[tuple[int, Fault]]
    log_ids: list[int | None]
    repeats: list[int] = field(default_factory=list)
    """The indexes of the duplicates."""


def message_id(batch_id: str, position: int) -> str:
    """The id of an item that brings none of its own."""
    return f"{batch_id}-{position}"


async def accept(
    tx: Tx,
    keyring: Keyring,
    source: Source,
    items: Items | Sequence[Item],
    *,
    now: datetime,
    batch_id: str,
    max_bytes: int,
    import_id: int | None = None,
) -> Receipt:
    """Append what is new to the log and set aside what is wrong, in the caller's transaction.

    `batch_id` is the public id of the request or import; the number of statements does not depend on the items.
    """
    listed = _listed(items)
    wrong: dict[int, Fault] = {}
    drafts: list[Draft] = []
    seen: dict[bytes, int] = {}
    for index, item in enumerate(listed):
        fault = _judged(item, source, max_bytes)
        if fault is not None:
            wrong[index] = fault
        else:
            drafts.append(_draft(keyring, source, index, item, seen, now, batch_id))
    reused = await append_permanent(tx, keyring, source, drafts)
    wrong |= dict.fromkeys(reused, REUSED)
    await append_news(tx, keyring, source, [draft for draft in drafts if draft.index not in reused])
    aside = [
        _rejected(keyring, source, listed[index], wrong[index], batch_id, import_id, reused=index in reused)
        for index in sorted(wrong)
    ]
    await quarantine.set_aside(tx, keyring, aside, now=now)
    log_ids: list[int | None] = [None] * len(listed)
    for draft in drafts:
        if draft.index not in wrong:
            log_ids[draft.index] = draft.log_id
    accepted = sum(draft.is_new for draft in drafts)
    repeats = [draft.index for draft in drafts if not draft.is_new and draft.index not in reused]
    return Receipt(accepted, len(repeats), sorted(wrong.items()), log_ids, repeats)


def _listed(items: Items | Sequence[Item]) -> Sequence[Item]:
    if isinstance(items, Items):
        return [
            Item(index, raw, value) for index, (raw, value) in enumerate(zip(items.raws, items.values, strict=True))
        ]
    return items


def _judged(item: Item, source: Source, max_bytes: int) -> Fault | None:
    if len(item.raw) > max_bytes:
        return Fault("", "record_too_large", f"A record has at most {max_bytes} bytes.")
    return item.value if isinstance(item.value, Fault) else validate(item.value, source)


def _draft(
    keyring: Keyring, source: Source, index: int, item: Item, seen: dict[bytes, int], now: datetime, batch_id: str
) -> Draft:
    said: dict[str, Any] = item.value  # type: ignore[assignment]  # validated: an object
    key = str(said["key"])
    key_token = keyring.token(f"record/{source.id}", key)
    content = content_token(keyring, source.id, said)
    own, timed = said.get("message_id"), said.get("observed_at") is not None
    # Items of one request without a time of their own follow one another by a microsecond, so that the last one holds.
    place = seen.get(key_token, 0)
    seen[key_token] = place + (not timed)
    token = content if timed else message_token(keyring, message_id(batch_id, item.position))
    return Draft(
        index,
        item.raw,
        key_token,
        content,
        message_token(keyring, own) if own is not None else token,
        now if timed else now + timedelta(microseconds=place),
        permanent=timed or own is not None,
        named=own is not None,
    )


def _rejected(
    keyring: Keyring, source: Source, item: Item, fault: Fault, batch_id: str, import_id: int | None, *, reused: bool
) -> Rejected:
    own = item.value.get("message_id") if isinstance(item.value, dict) and not reused else None
    name = own if isinstance(own, str) and own else message_id(batch_id, item.position)
    return Rejected(
        source.id,
        "record",
        fault,
        _kept(item),
        message_token(keyring, name),
        import_id=import_id,
        position=item.position,
    )


def _kept(item: Item) -> bytes:
    """What is set aside, always JSON: the item word for word, or its text where it is none."""
    beside = orjson.dumps(item.beside)[1:] if item.beside else b"}"
    after = b"," + beside if item.beside else beside
    try:
        orjson.loads(item.raw)
    except orjson.JSONDecodeError:
        return b'{"message":' + orjson.dumps(item.raw.decode("utf-8", "backslashreplace")) + after
    return b'{"message":' + item.raw + after
