"""`POST /v1/sources/{source}/records`: what a source says of its records, as a JSON array or NDJSON.

202 comes after the commit. Each wrong record names itself and takes no other
along; `?wait=resolved` answers when the records are visible in their profiles;
an `Idempotency-Key` gives the same request the same answer for ever.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import asyncpg
import orjson

from app.api.deps import Directory, Principal, principal
from app.api.ingest import bodies
from app.api.ingest.bodies import Receive
from app.api.ingest.commit import GroupCommit
from app.core.crypto.keyring import Keyring
from app.core.errors import Refused, TooLarge, Unauthenticated
from app.core.ids import PublicIds
from app.core.runtime import Runtime
from app.core.sql import Tx
from app.core.strictjson import Items, parse_lines, split
from app.core.tokens.scopes import INGEST_WRITE
from app.domain import ingest_log, keys, record_batches, record_ingest, sources
from app.domain.record_batches import Once
from app.domain.sources import Source

Headers = Mapping[bytes, bytes]

SOURCE_SECONDS = 5.0
WAIT_SECONDS = 10.0
LOOK_AGAIN = 0.01
MAX_IDEMPOTENCY_KEY = 255


@dataclass(slots=True)
class Delivered:
    """One request on its way into the log; `answer` is there after the commit."""

    source: Source
    ids: PublicIds
    items: Items
    once: Once | None
    max_bytes: int
    batch_id: int = 0
    answer: Mapping[str, Any] = field(default_factory=dict)


class RecordDoor:
    """Answers record ingest."""

    def __init__(self, rt: Runtime, directory: Directory, commit: GroupCommit[Delivered]) -> None:
        self._rt = rt
        self._directory = directory
        self._commit = commit
        self._sources: dict[tuple[int, str], tuple[float, Source]] = {}

    async def answer(self, source: str, headers: Headers, query: bytes, receive: Receive) -> tuple[int, bytes]:
        """Take in one request and return its status and body. Raises what is to be answered otherwise."""
        who = await self._who(headers)
        asked = parse_qs(query.decode("latin-1"))
        settings = self._rt.settings
        body = await bodies.read(receive, limit=settings.max_records_bytes, encoding=headers.get(b"content-encoding"))
        async with self._rt.begin(who.workspace_id) as tx:
            keyring = await keys.keyring(self._rt, tx)
            known = await self._source(tx, source)
        once = _once(keyring, headers, source, body)
        items = items_of(body, max_bytes=settings.max_records_bytes, max_items=settings.max_records)
        part = Delivered(known, who.ids, items, once, settings.max_record_bytes)
        try:
            await self._commit.put(who.workspace_id, part, len(items.raws))
        except asyncpg.UniqueViolationError:
            # Two requests with one idempotency key at the same moment: the other one was first.
            await self._commit.put(who.workspace_id, part, len(items.raws))
        shown = _shown(who.ids, part)
        if asked.get("wait") == ["resolved"]:
            shown["resolved"] = await self._resolved(who.workspace_id, part.answer["entries"])
        return 202, orjson.dumps(shown)

    async def _who(self, headers: Headers) -> Principal:
        kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise Unauthenticated("Send an access token as `Authorization: Bearer ...`; get one with `cdp token`.")
        who = await principal(self._rt, self._directory, token.strip())
        who.need(INGEST_WRITE)
        return who

    async def _source(self, tx: Tx, name: str) -> Source:
        """The source, which its first records create. Remembered for a few seconds."""
        place = (tx.workspace_id, name)
        held = self._sources.get(place)
        if held is None or time.monotonic() - held[0] > SOURCE_SECONDS:
            found = await sources.ensure(tx, name, now=self._rt.now())
            held = self._sources[place] = (time.monotonic(), found)
        if held[1].disabled:
            raise Refused(f"The source {name!r} is disabled.", code="source_disabled")
        return held[1]

    async def _resolved(self, workspace_id: int, entries: Sequence[int | None]) -> bool:
        """Wait until none of the entries waits any more; False when that takes too long."""
        log_ids = [log_id for log_id in entries if log_id is not None]
        deadline = time.monotonic() + WAIT_SECONDS
        while log_ids:
            async with self._rt.begin(workspace_id) as tx:
                if not await ingest_log.unsettled(tx, log_ids):
                    break
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(LOOK_AGAIN)
        return True


def items_of(body: bytes, *, max_bytes: int, max_items: int) -> Items:
    """The records of a body: a JSON array when it begins with `[`, else one JSON object a line."""
    if body.lstrip(b" \t\r\n")[:1] == b"[":
        return split(body, key="records", max_bytes=max_bytes, max_items=max_items)
    lines = list(parse_lines(body, max_bytes=max_bytes))
    if len(lines) > max_items:
        raise TooLarge(f"A request has at most {max_items} records; send it in parts.", code="too_many_items")
    if not lines:
        raise Refused("Send a JSON array of records, or one JSON object a line.", code="no_records")
    return Items([raw for _, raw, _ in lines], [value for _, _, value in lines])


async def write(tx: Tx, parts: Sequence[Delivered], rt: Runtime) -> None:
    """One transaction's worth of requests."""
    now = rt.now()
    # Not the one that the request began with: a rotation of keys may be past it.
    keyring = await keys.keyring(rt, tx)
    for part in parts:
        earlier = await record_batches.answered(tx, part.once) if part.once is not None else None
        if earlier is not None:
            part.batch_id, part.answer = earlier
            continue
        part.batch_id = await record_batches.next_id(tx)
        receipt = await record_ingest.accept(
            tx,
            keyring,
            part.source,
            part.items,
            now=now,
            batch_id=part.ids.encode(part.batch_id),
            max_bytes=part.max_bytes,
        )
        part.answer = await record_batches.keep(tx, part.batch_id, part.source.id, receipt, part.once, now=now)


def _once(keyring: Keyring, headers: Headers, source: str, body: bytes) -> Once | None:
    said = headers.get(b"idempotency-key")
    if said is None:
        return None
    key = said.decode("latin-1")
    if not 0 < len(key) <= MAX_IDEMPOTENCY_KEY:
        raise Refused(f"An Idempotency-Key has 1 to {MAX_IDEMPOTENCY_KEY} characters.", code="bad_idempotency_key")
    return record_batches.once(keyring, key, source, body)


def _shown(ids: PublicIds, part: Delivered) -> dict[str, Any]:
    answer = part.answer
    return {
        "accepted": answer["accepted"],
        "duplicates": answer["duplicates"],
        # The database keeps no order of members, and the same request has the same answer byte for byte.
        "rejected": [
            {name: each[name] for name in ("index", "code", "detail", "pointer")} for each in answer["rejected"]
        ],
        "batch_id": ids.encode(part.batch_id),
    }
