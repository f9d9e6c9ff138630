"""Quarantine: what could not be taken as it came. Listed, fixed, replayed or discarded with a reason; never lost.

The words stay sealed; code, pointer and detail say what is wrong without them.
A replay goes down the same road as any message, under an id of its own that the
first one's fate points to.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from app.core.crypto.keyring import Keyring
from app.core.errors import Conflict, Fault, NotFound, Refused
from app.core.sql import Queries, Tx, arrays
from app.domain import ingest_log, sources, tracking
from app.domain.deliveries import Kind
from app.domain.entries import Entry, SetAside
from app.domain.pointers import kept
from app.domain.record_rules import validate
from app.domain.sources import Source

KINDS: Mapping[str, Kind] = {"event": Kind.EVENT, "record": Kind.RECORD}
MAX_PAGE = 500
MAX_HELD = 20

_quarantine = Queries("quarantine")


@dataclass(frozen=True, slots=True)
class Rejected:
    """Something refused on its way in. `body` is `{"message": ...}` as it would have gone to the log."""

    source_id: int | None
    kind: str
    fault: Fault
    body: bytes
    message_token: bytes | None = None
    log_id: int | None = None
    import_id: int | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One quarantined message as a list shows it."""

    id: int
    source_id: int | None
    kind: str
    code: str
    pointer: str
    detail: str
    state: str
    set_aside_at: datetime
    settled_at: datetime | None
    import_id: int | None = None
    position: int | None = None


async def set_aside(tx: Tx, keyring: Keyring, rejected: Sequence[Rejected], *, now: datetime) -> list[int]:
    """Keep what was refused; return the quarantine ids in order."""
    if not rejected:
        return []
    ids = [row["id"] for row in await _quarantine.rows(tx, "fresh_ids", many=len(rejected))]
    rows = [
        (
            id,
            r.source_id,
            r.kind,
            r.message_token,
            r.log_id,
            r.import_id,
            r.position,
            r.fault.code,
            kept(r.fault),
            r.fault.detail,
            keyring.seal(r.body, "quarantine", "body", id),
        )
        for id, r in zip(ids, rejected, strict=True)
    ]
    await _quarantine.run(
        tx,
        "set_aside",
        now=now,
        **arrays(
            rows, "ids source_ids kinds message_tokens log_ids import_ids positions codes pointers details bodies"
        ),
    )
    return ids


async def held(tx: Tx, keyring: Keyring, tokens: Sequence[bytes]) -> list[tuple[bytes, Any]]:
    """(token, words) of what was set aside under these tokens, a few for each."""
    rows = await _quarantine.rows(tx, "held", tokens=list(set(tokens)), many=MAX_HELD)
    return [(row["message_token"], _opened(keyring, row).get("message")) for row in rows]


async def set_aside_entries(
    tx: Tx, keyring: Keyring, entries: Iterable[Entry], aside: Sequence[SetAside], *, now: datetime
) -> None:
    """Keep log entries that the pipeline could not take, word for word."""
    by_id = {entry.log_id: entry for entry in entries}
    rejected = [
        Rejected(
            by_id[a.log_id].source_id,
            Kind(by_id[a.log_id].kind).name.lower(),
            Fault(a.pointer, a.code, a.detail),
            keyring.open(by_id[a.log_id].body, "ingest_log", "body", by_id[a.log_id].message_token),
            by_id[a.log_id].message_token,
            a.log_id,
        )
        for a in aside
    ]
    await set_aside(tx, keyring, rejected, now=now)


async def page(
    tx: Tx,
    *,
    after: int = 0,
    many: int = 50,
    state: str | None = "open",
    code: str | None = None,
    source_id: int | None = None,
) -> list[Item]:
    """Quarantined messages by id, oldest first."""
    rows = await _quarantine.rows(
        tx, "page", after=after, many=min(many, MAX_PAGE), state=state, code=code, source_id=source_id
    )
    return [_item(row) for row in rows]


async def one(tx: Tx, id: int) -> Item:
    """One quarantined message as a list shows it."""
    return _item(await _one(tx, id))


async def message(tx: Tx, keyring: Keyring, id: int) -> Any:
    """The words of one quarantined message."""
    row = await _one(tx, id)
    return _opened(keyring, row).get("message")


async def fix(tx: Tx, keyring: Keyring, id: int, fixed: Any) -> None:
    """Put corrected words in the place of what was refused; `replay` sends them."""
    row = await _one(tx, id)
    body = {**_opened(keyring, row), "message": fixed}
    if not await _quarantine.run(tx, "fix", id=id, body=keyring.seal(orjson.dumps(body), "quarantine", "body", id)):
        raise Conflict("This message was replayed or discarded already.")


async def replay(tx: Tx, keyring: Keyring, id: int, *, now: datetime) -> int:
    """Send a quarantined message down the road again; return its new log id. Raises Refused while its words would be
    refused at the door."""
    row = await _one(tx, id)
    source = (await sources.all_sources(tx)).get(row["source_id"])
    if row["state"] != "open" or source is None:
        raise Conflict("This message was replayed or discarded already, or its source is unknown.")
    body = _opened(keyring, row)
    if (wrong := _wrong(KINDS[row["kind"]], body, source)) is not None:
        raise Refused("Fix this message first, then replay it.", code="still_wrong", faults=[wrong])
    fresh = ingest_log.seal(
        keyring,
        f"{ingest_log.OWN}replay:{id}",
        row["source_id"],
        KINDS[row["kind"]],
        orjson.dumps(body),
        row["set_aside_at"],
    )
    log_id = (await ingest_log.append(tx, [fresh]))[fresh.token]
    await _quarantine.run(tx, "replayed", id=id, log_id=log_id, now=now)
    return log_id


async def discard(tx: Tx, keyring: Keyring, id: int, reason: str, *, now: datetime) -> None:
    """Give a message up, with the reason of whoever decided."""
    await _one(tx, id)
    sealed = keyring.seal(reason.encode(), "quarantine", "resolution", id)
    if not await _quarantine.run(tx, "discard", id=id, reason=sealed, now=now):
        raise Conflict("This message was replayed or discarded already.")


async def _one(tx: Tx, id: int) -> Mapping[str, Any]:
    row = await _quarantine.row(tx, "one", id=id)
    if row is None:
        raise NotFound("No such message in quarantine.")
    return dict(row)


def _wrong(kind: Kind, body: Mapping[str, Any], source: Source) -> Fault | None:
    if kind is Kind.RECORD:
        return validate(body.get("message"), source)
    return tracking.fault(tracking.in_context(body.get("message"), body.get("context")))


def _opened(keyring: Keyring, row: Mapping[str, Any]) -> dict[str, Any]:
    held: dict[str, Any] = orjson.loads(keyring.open(row["body"], "quarantine", "body", row["id"]))
    return held


def _item(row: Mapping[str, Any]) -> Item:
    return Item(**{name: row[name] for name in Item.__dataclass_fields__})
