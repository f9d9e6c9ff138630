"""Which records are repeats, and the appending of those that are not: a few statements, however many there are.

A permanent token says for ever whether its record is a repeat. For the others the table `latest_contents` holds the
newest content under each key; whoever reads it here holds its lock until the transaction ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

import orjson

from app.core.crypto.keyring import TOKEN_BYTES, Keyring
from app.core.sql import Queries, Tx
from app.domain import ingest_log
from app.domain.deliveries import Kind
from app.domain.ingest_log import Message
from app.domain.sources import Source

_ingest = Queries("record_ingest")


@dataclass(slots=True)
class Draft:
    """A good item on its way. `permanent`: its token says for ever whether it is a repeat."""

    index: int
    raw: bytes
    key_token: bytes
    content: bytes
    token: bytes
    received_at: datetime
    permanent: bool
    named: bool
    log_id: int | None = None
    is_new: bool = False


def content_token(keyring: Keyring, source_id: int, said: dict[str, Any]) -> bytes:
    """One token for one content of a source: members in any order, and the key as the text that names the record."""
    canonical = orjson.dumps({**said, "key": str(said["key"])}, option=orjson.OPT_SORT_KEYS)
    return keyring.token(f"content/{source_id}", canonical.decode())


async def append_permanent(tx: Tx, keyring: Keyring, source: Source, drafts: Sequence[Draft]) -> set[int]:
    """Append drafts that their tokens deduplicate; return the indexes of those whose id was another content's."""
    first: dict[bytes, Draft] = {}
    for draft in drafts:
        if draft.permanent:
            first.setdefault(draft.token, draft)
    if not first:
        return set()
    fresh = await ingest_log.append(tx, [_message(keyring, source, draft) for draft in first.values()])
    for token, log_id in fresh.items():
        first[token].is_new, first[token].log_id = True, log_id
    known = [token for token in first if token not in fresh]
    held = await ingest_log.held(tx, known) if known else {}
    contents: dict[bytes, bytes] = {}
    reused: set[int] = set()
    for draft in drafts:
        if not draft.permanent or draft.is_new:
            continue
        if draft.token in fresh:
            draft.log_id, before = fresh[draft.token], first[draft.token].content
        else:
            entry = held[draft.token]
            draft.log_id = entry.log_id
            if draft.named and draft.token not in contents:
                body = keyring.open(entry.body, "ingest_log", "body", draft.token)
                contents[draft.token] = _stored_content(keyring, entry.source_id, body)
            before = contents.get(draft.token, draft.content)
        if before != draft.content:
            reused.add(draft.index)
    return reused


def _stored_content(keyring: Keyring, source_id: int, body: bytes) -> bytes:
    """The content token of what the log holds; of something that is no record, one that no record has."""
    said = orjson.loads(body).get("message")
    if not isinstance(said, dict) or "key" not in said:
        return b""
    return content_token(keyring, source_id, said)


async def append_news(tx: Tx, keyring: Keyring, source: Source, drafts: Sequence[Draft]) -> None:
    """Append the drafts whose content is not the newest under their key."""
    by_key: dict[bytes, list[Draft]] = {}
    for draft in drafts:
        if not draft.permanent or draft.is_new:
            by_key.setdefault(draft.key_token, []).append(draft)
    passed = [key for key, listed in by_key.items() if all(draft.permanent for draft in listed)]
    turns = {key: by_key[key] for key in sorted(by_key.keys() - set(passed))}
    if passed:
        await _ingest.run(tx, "forget_keys", source_id=source.id, key_tokens=sorted(passed))
    if not turns:
        return
    held = await _held_contents(tx, source, turns)
    moved: dict[bytes, bytes] = {}
    news: list[Draft] = []
    for key, listed in turns.items():
        found, newest = _turn(listed, held.get(key, b""))
        news += found
        if key in held and newest != held[key]:
            moved[key] = newest
    if moved:
        await _ingest.run(
            tx, "move_keys", source_id=source.id, key_tokens=list(moved), content_tokens=list(moved.values())
        )
    if news:
        fresh = await ingest_log.append(tx, [_message(keyring, source, draft) for draft in news])
        for draft in news:
            draft.log_id = fresh.get(draft.token)
            draft.is_new = draft.log_id is not None


async def _held_contents(tx: Tx, source: Source, turns: dict[bytes, list[Draft]]) -> dict[bytes, bytes]:
    """What was the newest under each key that had something; the others take theirs at once. All are locked."""
    newest = [_turn(listed, b"")[1] for listed in turns.values()]
    claimed = await _ingest.rows(tx, "claim_keys", source_id=source.id, key_tokens=list(turns), content_tokens=newest)
    known = sorted(turns.keys() - {row["key_token"] for row in claimed})
    if not known:
        return {}
    rows = await _ingest.rows(tx, "lock_keys", source_id=source.id, key_tokens=known)
    return {row["key_token"]: row["content_token"] for row in rows}


def _turn(listed: Sequence[Draft], held: bytes) -> tuple[list[Draft], bytes]:
    """Of one key: the drafts that are news, and what is the newest afterwards.

    `held` is the token of the newest content and, where one request brought several, a second one for all of them in
    their order: so the same request again is no news. What is permanent stands between them: afterwards the source
    may say again what it said before.
    """
    said = [draft.content for draft in listed if not draft.permanent]
    together = blake2b(b"".join(said), digest_size=TOKEN_BYTES).digest() if len(said) > 1 else b""
    last, before = held[:TOKEN_BYTES], held[TOKEN_BYTES:]
    if together and together == before and len(said) == len(listed):
        return [], held
    news: list[Draft] = []
    newest = last
    for draft in listed:
        if draft.permanent:
            newest = b""
        elif draft.content != newest:
            news.append(draft)
            newest = draft.content
    if not news and newest == last:
        return [], held
    return news, newest + together if newest else b""


def _message(keyring: Keyring, source: Source, draft: Draft) -> Message:
    body = b'{"message":' + draft.raw + b"}"
    sealed = keyring.seal(body, "ingest_log", "body", draft.token)
    return Message(draft.token, source.id, Kind.RECORD, draft.received_at, sealed)
