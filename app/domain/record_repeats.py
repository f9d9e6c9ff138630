"""Which records are repeats, and the appending of those that are not: a few statements, however many there are.

A permanent token says for ever whether its record is a repeat. For the others the table `latest_contents` holds the
newest content under each key; whoever reads it here holds its lock until the transaction ends. Requests of one
transaction are taken one after the other, as if each had one of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import orjson

from app.core.crypto.keyring import TOKEN_BYTES, Keyring
from app.core.sql import Queries, Tx
from app.domain import ingest_log
from app.domain.deliveries import Kind
from app.domain.ingest_log import Parcel

NEVER = datetime.min.replace(tzinfo=UTC)

_ingest = Queries("record_ingest")


@dataclass(slots=True)
class Draft:
    """A good item on its way, its body sealed under its token. `timed`: it says itself when it was true. `named`: its
    token is an id that its source gave it. `reused` becomes one whose id was another content's."""

    index: int
    position: int
    source_id: int
    key_token: bytes
    content: bytes
    token: bytes
    body: bytes
    timed: bool
    named: bool
    received_at: datetime = NEVER
    log_id: int | None = None
    is_new: bool = False
    reused: bool = False

    @property
    def permanent(self) -> bool:
        """Whether its token says for ever that it is a repeat."""
        return self.timed or self.named


def content_token(keyring: Keyring, kind: str, said: dict[str, Any]) -> bytes:
    """One token for one content of a source: members in any order, and the key as the text that names the record.

    `kind` is the source's `content_kind`.
    """
    if type(said["key"]) is not str:
        said = {**said, "key": str(said["key"])}
    return keyring.token(kind, orjson.dumps(said, option=orjson.OPT_SORT_KEYS))


def content_kind(source_id: int) -> str:
    return f"content/{source_id}"


async def append_permanent(tx: Tx, keyring: Keyring, drafts: Iterable[Draft]) -> None:
    """Append the drafts that their tokens deduplicate; mark those that are new, and those whose id was another
    content's."""
    permanent = [draft for draft in drafts if draft.permanent]
    if not permanent:
        return
    first: dict[bytes, Draft] = {}
    for draft in permanent:
        first.setdefault(draft.token, draft)
    fresh = await ingest_log.append_parcels(tx, _parcels(first.values()))
    for token, log_id in fresh.items():
        first[token].is_new, first[token].log_id = True, log_id
    if len(fresh) == len(permanent):
        return
    known = [token for token in first if token not in fresh]
    held = await ingest_log.held(tx, known) if known else {}
    contents: dict[bytes, bytes] = {}
    for draft in permanent:
        if draft.is_new:
            continue
        if draft.token in fresh:
            draft.log_id, before = fresh[draft.token], first[draft.token].content
        else:
            entry = held[draft.token]
            draft.log_id = entry.log_id
            if draft.named and draft.token not in contents:
                body = ingest_log.opened(keyring, draft.token, entry.body)
                contents[draft.token] = _stored_content(keyring, entry.source_id, body)
            before = contents.get(draft.token, draft.content)
        draft.reused = before != draft.content


def _stored_content(keyring: Keyring, source_id: int, body: bytes) -> bytes:
    """The content token of what the log holds; of something that is no record, one that no record has."""
    said = orjson.loads(body).get("message")
    if not isinstance(said, dict) or "key" not in said:
        return b""
    return content_token(keyring, content_kind(source_id), said)


async def append_news(tx: Tx, requests: Sequence[Sequence[Draft]]) -> None:
    """Append the drafts of each request whose content is not the newest under their key."""
    if not await _matters(tx, requests):
        return
    by_source: dict[int, dict[bytes, list[list[Draft]]]] = {}
    for drafts in requests:
        own: dict[bytes, list[Draft]] = {}
        for draft in drafts:
            if draft.is_new or not draft.permanent:
                own.setdefault(draft.key_token, []).append(draft)
        for key, listed in own.items():
            by_source.setdefault(listed[0].source_id, {}).setdefault(key, []).append(listed)
    news: list[Draft] = []
    for source_id in sorted(by_source):
        news += await _news(tx, source_id, by_source[source_id])
    if news:
        fresh = await ingest_log.append_parcels(tx, _parcels(news))
        for draft in news:
            draft.log_id = fresh.get(draft.token)
            draft.is_new = draft.log_id is not None


async def _matters(tx: Tx, requests: Sequence[Sequence[Draft]]) -> bool:
    """Whether there is a newest content to ask for or to forget. A source that dates its records has none."""
    if not all(draft.timed or draft.named for drafts in requests for draft in drafts):
        return True
    source_ids = {draft.source_id for drafts in requests for draft in drafts}
    return bool(await _ingest.value(tx, "holds_contents", source_ids=sorted(source_ids)))


async def _news(tx: Tx, source_id: int, by_key: Mapping[bytes, Sequence[Sequence[Draft]]]) -> list[Draft]:
    """The drafts of a source that are news; the newest content under their keys is moved on."""
    passed = [key for key, listed in by_key.items() if all(draft.permanent for drafts in listed for draft in drafts)]
    turns = {key: by_key[key] for key in sorted(by_key.keys() - set(passed))}
    if passed:
        await _ingest.run(tx, "forget_keys", source_id=source_id, key_tokens=sorted(passed))
    if not turns:
        return []
    held = await _held_contents(tx, source_id, turns)
    moved: dict[bytes, bytes] = {}
    news: list[Draft] = []
    for key, requests in turns.items():
        found, newest = _turns(requests, held.get(key, b""))
        news += found
        if key in held and newest != held[key]:
            moved[key] = newest
    if moved:
        tokens = {"key_tokens": list(moved), "content_tokens": list(moved.values())}
        await _ingest.run(tx, "move_keys", source_id=source_id, **tokens)
    return news


async def _held_contents(
    tx: Tx, source_id: int, turns: Mapping[bytes, Sequence[Sequence[Draft]]]
) -> dict[bytes, bytes]:
    """What was the newest under each key that had something; the others take theirs at once. All are locked."""
    newest = [_turns(requests, b"")[1] for requests in turns.values()]
    claimed = await _ingest.rows(tx, "claim_keys", source_id=source_id, key_tokens=list(turns), content_tokens=newest)
    known = sorted(turns.keys() - {row["key_token"] for row in claimed})
    if not known:
        return {}
    rows = await _ingest.rows(tx, "lock_keys", source_id=source_id, key_tokens=known)
    return {row["key_token"]: row["content_token"] for row in rows}


def _turns(requests: Sequence[Sequence[Draft]], held: bytes) -> tuple[list[Draft], bytes]:
    """`_turn` for one request after the other."""
    news: list[Draft] = []
    for listed in requests:
        found, held = _turn(listed, held)
        news += found
    return news, held


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


def _parcels(drafts: Iterable[Draft]) -> list[Parcel]:
    made: dict[tuple[int, datetime], Parcel] = {}
    for draft in drafts:
        place = (draft.source_id, draft.received_at)
        parcel = made.get(place)
        if parcel is None:
            parcel = made[place] = Parcel(draft.source_id, Kind.RECORD, draft.received_at)
        parcel.tokens.append(draft.token)
        parcel.bodies.append(draft.body)
    return list(made.values())
