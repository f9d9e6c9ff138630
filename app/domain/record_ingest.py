"""Records on their way into the log: judged, told apart from repeats, sealed and appended, in a few statements a batch.

When is a record a repeat? One with a `message_id` when that id came before with the same content (with another content
it is set aside, not dropped). One with an `observed_at` when the same content came before, ever. One with neither when
it is the newest content under its key: A, B, A are three messages, for the source changed its mind twice; a whole
request that is sent again is a repeat as a whole.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from app.core.crypto.keyring import Keyring
from app.core.errors import Fault
from app.core.sql import Tx
from app.core.strictjson import Items
from app.domain import ingest_log, quarantine
from app.domain.claims import Json
from app.domain.ingest_log import message_token
from app.domain.quarantine import Rejected
from app.domain.record_repeats import Draft, append_news, append_permanent, content_kind, content_token
from app.domain.record_rules import validate
from app.domain.sources import Source

__all__ = ["Item", "Receipt", "Submission", "accept", "accept_all", "message_id", "prepare", "validate"]

REUSED = Fault("/message_id", "message_id_reused", "This message_id came before with another content; give it its own.")

NOTHING: Mapping[str, Json] = MappingProxyType({})


class Item(NamedTuple):
    """One item of a batch: `raw` word for word, and its value or what is wrong with it.

    `position` names it: its index in a request, its line or row in a file. `beside` are JSON members that stay with
    it where it is set aside.
    """

    position: int
    raw: bytes
    value: Json | Fault
    beside: Mapping[str, Json] = NOTHING


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


@dataclass(slots=True)
class Submission:
    """The items of one request or page, judged, named and sealed: all that can be done before there is a transaction.

    `aside` has those that were refused. `beside` has what stays with an item where it is set aside after all.
    """

    source: Source
    keyring: Keyring
    batch_id: str
    import_id: int | None = None
    drafts: list[Draft] = field(default_factory=list)
    aside: dict[int, Rejected] = field(default_factory=dict)
    beside: dict[int, Mapping[str, Json]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return len(self.drafts) + len(self.aside)

    @property
    def permanent(self) -> bool:
        """Whether no item depends on what its source said before, so that the order of submissions is all the same."""
        return all(draft.permanent for draft in self.drafts)


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
    submission = prepare(keyring, source, items, batch_id=batch_id, max_bytes=max_bytes, import_id=import_id)
    (receipt,) = await accept_all(tx, keyring, [submission], now=now)
    return receipt


def prepare(
    keyring: Keyring,
    source: Source,
    items: Items | Sequence[Item],
    *,
    batch_id: str,
    max_bytes: int,
    import_id: int | None = None,
) -> Submission:
    """Judge, name and seal items. The keyring may be some seconds old: `accept_all` has the transaction's own."""
    made = Submission(source, keyring, batch_id, import_id)
    key_kind, kind = f"record/{source.id}", content_kind(source.id)
    for index, item in enumerate(_listed(items)):
        if item.beside:
            made.beside[index] = item.beside
        fault = _judged(item, source, max_bytes)
        if fault is not None:
            made.aside[index] = _refused(made, item, fault)
            continue
        said: dict[str, Any] = item.value  # type: ignore[assignment]  # judged: an object
        content = content_token(keyring, kind, said)
        own, timed = said.get("message_id"), said.get("observed_at") is not None
        if own is not None:
            token = message_token(keyring, own)
        else:
            token = content if timed else message_token(keyring, message_id(batch_id, item.position))
        key_token = keyring.token(key_kind, str(said["key"]))
        body = b'{"message":' + item.raw + b"}"
        made.drafts.append(
            Draft(index, item.position, source.id, key_token, content, token, body, timed, own is not None)
        )
    sealed = ingest_log.sealed(keyring, [draft.token for draft in made.drafts], [draft.body for draft in made.drafts])
    for draft, body in zip(made.drafts, sealed, strict=True):
        draft.body = body
    return made


async def accept_all(tx: Tx, keyring: Keyring, submissions: Sequence[Submission], *, now: datetime) -> list[Receipt]:
    """Take submissions one after the other, in as many statements as one takes. Again after a rollback is fine."""
    drafts = [draft for submission in submissions for draft in submission.drafts]
    for submission in submissions:
        if submission.keyring.active != keyring.active:
            for draft in submission.drafts:
                draft.body = ingest_log.resealed(submission.keyring, keyring, draft.token, draft.body)
    _date(drafts, now)
    await append_permanent(tx, keyring, drafts)
    await append_news(tx, [submission.drafts for submission in submissions])
    aside = [_aside(submission, keyring) for submission in submissions]
    await quarantine.set_aside(tx, keyring, [each for found in aside for _, each in sorted(found.items())], now=now)
    return [_receipt(submission, found) for submission, found in zip(submissions, aside, strict=True)]


def _date(drafts: Sequence[Draft], now: datetime) -> None:
    """Say when each was received, and nothing of an earlier attempt. Items of one key without a time of their own
    follow one another by a microsecond, so that the last one holds."""
    seen: dict[bytes, int] = {}
    for draft in drafts:
        draft.received_at, draft.log_id, draft.is_new, draft.reused = now, None, False, False
        if not draft.timed:
            place = seen.get(draft.key_token, 0)
            seen[draft.key_token] = place + 1
            draft.received_at = now + timedelta(microseconds=place)


def _aside(submission: Submission, keyring: Keyring) -> dict[int, Rejected]:
    """What is set aside of a submission: what was refused, and what took another message's id."""
    found = dict(submission.aside)
    for draft in submission.drafts:
        if draft.reused:
            raw = ingest_log.opened(keyring, draft.token, draft.body)[len(b'{"message":') : -1]
            item = Item(draft.position, raw, None, submission.beside.get(draft.index, NOTHING))
            found[draft.index] = _refused(submission, item, REUSED)
    return found


def _receipt(submission: Submission, aside: Mapping[int, Rejected]) -> Receipt:
    log_ids: list[int | None] = [None] * submission.count
    repeats: list[int] = []
    for draft in submission.drafts:
        if not draft.reused:
            log_ids[draft.index] = draft.log_id
            if not draft.is_new:
                repeats.append(draft.index)
    rejected = [(index, each.fault) for index, each in sorted(aside.items())]
    accepted = submission.count - len(rejected) - len(repeats)
    return Receipt(accepted, len(repeats), rejected, log_ids, repeats)


def _listed(items: Items | Sequence[Item]) -> Iterable[Item]:
    if isinstance(items, Items):
        return map(Item, range(len(items.raws)), items.raws, items.values)
    return items


def _judged(item: Item, source: Source, max_bytes: int) -> Fault | None:
    if len(item.raw) > max_bytes:
        return Fault("", "record_too_large", f"A record has at most {max_bytes} bytes.")
    return item.value if isinstance(item.value, Fault) else validate(item.value, source)


def _refused(submission: Submission, item: Item, fault: Fault) -> Rejected:
    own = item.value.get("message_id") if isinstance(item.value, dict) else None
    name = own if isinstance(own, str) and own else message_id(submission.batch_id, item.position)
    return Rejected(
        submission.source.id,
        "record",
        fault,
        _kept(item),
        message_token(submission.keyring, name),
        import_id=submission.import_id,
        position=item.position,
    )


def _kept(item: Item) -> bytes:
    """What is set aside, always JSON: the item word for word, or its text where it is none."""
    beside = orjson.dumps(dict(item.beside))[1:] if item.beside else b"}"
    after = b"," + beside if item.beside else beside
    try:
        orjson.loads(item.raw)
    except orjson.JSONDecodeError:
        return b'{"message":' + orjson.dumps(item.raw.decode("utf-8", "backslashreplace")) + after
    return b'{"message":' + item.raw + after
