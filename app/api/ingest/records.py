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
from app.api.ingest.turns import Turns
from app.core.crypto.keyring import Keyring
from app.core.errors import Refused, TooLarge, Unauthenticated
from app.core.ids import PublicIds
from app.core.runtime import Runtime
from app.core.sql import Tx
from app.core.strictjson import Items, parse_lines, split
from app.core.tokens.scopes import INGEST_WRITE
from app.domain import ingest_log, keys, record_batches, record_ingest, sources
from app.domain.record_batches import Once, Taken
from app.domain.record_ingest import Submission, prepare
from app.domain.sources import Source

Headers = Mapping[bytes, bytes]

KNOWN_SECONDS = 5.0
"""A source that is disabled, or that declares something else, is taken by its old word for so long."""

WAIT_SECONDS = 10.0
LOOK_AGAIN = 0.01
MAX_IDEMPOTENCY_KEY = 255
IDS_AT_ONCE = 256


@dataclass(slots=True)
class Delivered:
    """One request on its way into the log; `batch_id` and `answer` are there after the commit."""

    id: int
    submission: Submission
    once: Once | None
    batch_id: int = 0
    answer: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """A source with its workspace's keys, as they were at a moment of the monotonic clock."""

    at: float
    source: Source
    keyring: Keyring


class RecordDoor:
    """Answers record ingest."""

    def __init__(self, rt: Runtime, directory: Directory, commit: GroupCommit[Delivered], turns: Turns) -> None:
        self._rt = rt
        self._directory = directory
        self._commit = commit
        self._turns = turns
        self._known: dict[tuple[int, str], Known] = {}
        self._ids: list[int] = []

    async def answer(self, source: str, headers: Headers, query: bytes, receive: Receive) -> tuple[int, bytes]:
        """Take in one request and return its status and body. Raises what is to be answered otherwise."""
        who = await self._who(headers)
        body = await bodies.read(
            receive, limit=self._rt.settings.max_records_bytes, encoding=headers.get(b"content-encoding")
        )
        known = await self._find(who.workspace_id, source)
        once = _once(known.keyring, headers, source, body)
        batch_id = await self._fresh_id()
        async with self._turns.of(body):
            submission = self._submission(known, body, who.ids.encode(batch_id))
        # Sealed by now: the many requests that wait for their commit need not hold their words twice over.
        del body
        part = Delivered(batch_id, submission, once)
        try:
            await self._put(who.workspace_id, part)
        except asyncpg.UniqueViolationError:
            # Two requests with one idempotency key at the same moment: the other one was first.
            await self._put(who.workspace_id, part)
        shown = _shown(who.ids, part)
        if query and parse_qs(query.decode("latin-1")).get("wait") == ["resolved"]:
            shown["resolved"] = await self._resolved(who.workspace_id, part.answer["entries"])
        return 202, orjson.dumps(shown)

    def _submission(self, known: Known, body: bytes, batch_id: str) -> Submission:
        settings = self._rt.settings
        items = items_of(body, max_bytes=settings.max_records_bytes, max_items=settings.max_records)
        return prepare(known.keyring, known.source, items, batch_id=batch_id, max_bytes=settings.max_record_bytes)

    async def _put(self, workspace_id: int, part: Delivered) -> None:
        # What the source says without a time is newer than what it said before; only one transaction can tell.
        submission = part.submission
        await self._commit.put(workspace_id, part, submission.count, abreast=submission.permanent)

    async def _who(self, headers: Headers) -> Principal:
        kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise Unauthenticated("Send an access token as `Authorization: Bearer ...`; get one with `cdp token`.")
        who = await principal(self._rt, self._directory, token.strip())
        who.need(INGEST_WRITE)
        return who

    async def _find(self, workspace_id: int, name: str) -> Known:
        """The source, which its first records create, and its keys. Both remembered for a few seconds; `write` looks at
        the keys again."""
        known = self._known.get((workspace_id, name))
        if known is None or time.monotonic() - known.at > KNOWN_SECONDS:
            # Old from the moment they are asked for.
            asked = time.monotonic()
            async with self._rt.begin(workspace_id) as tx:
                keyring = await keys.keyring(self._rt, tx)
                found = await sources.ensure(tx, name, now=self._rt.now())
            known = self._known[workspace_id, name] = Known(asked, found, keyring)
        if known.source.disabled:
            raise Refused(f"The source {name!r} is disabled.", code="source_disabled")
        return known

    async def _fresh_id(self) -> int:
        """The id of a request, drawn before its transaction, for its items are named and sealed by it."""
        while not self._ids:
            async with self._rt.lobby() as lobby:
                self._ids += await record_batches.fresh_ids(lobby, IDS_AT_ONCE)
        return self._ids.pop()

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
    """One transaction's worth of requests, each as if it came after the one before it."""
    earlier = await record_batches.answered(tx, [part.once for part in parts if part.once is not None])
    fresh: list[Delivered] = []
    first: dict[bytes, tuple[Once, Delivered]] = {}
    again: list[tuple[Delivered, Delivered]] = []
    for part in parts:
        if part.once is not None:
            if (held := earlier.get(part.once.key_token)) is not None:
                part.batch_id, part.answer = held
                continue
            once, before = first.setdefault(part.once.key_token, (part.once, part))
            if before is not part:
                record_batches.same(part.once, once.request_token)
                again.append((part, before))
                continue
        fresh.append(part)
    await _take(tx, fresh, rt)
    for part, before in again:
        part.batch_id, part.answer = before.batch_id, before.answer


async def _take(tx: Tx, parts: Sequence[Delivered], rt: Runtime) -> None:
    now = rt.now()
    # Not the one that a request began with: a rotation of keys may be past it.
    keyring = await keys.keyring(rt, tx)
    receipts = await record_ingest.accept_all(tx, keyring, [part.submission for part in parts], now=now)
    taken = [
        Taken(part.id, part.submission.source.id, receipt, part.once)
        for part, receipt in zip(parts, receipts, strict=True)
    ]
    for part, answer in zip(parts, await record_batches.keep(tx, taken, now=now), strict=True):
        part.batch_id, part.answer = part.id, answer


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
