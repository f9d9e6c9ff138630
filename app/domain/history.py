"""What a profile was: any version, any instant, and the history of what changed it and why.

A profile's versions are its own. An id that was merged away goes to rest at a
version of its own (`merged_into`) and leads to the survivor from then on; a
split wakes it again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from app.core.crypto.keyring import Keyring
from app.core.sql import Queries, Tx
from app.domain import sources
from app.domain.claims import Json
from app.domain.deliveries import Kind
from app.domain.golden import EMPTY, Content, load
from app.domain.profiles import Profile, RecordName, name_of, names, of_content, visible
from app.domain.sources import Source
from app.domain.versions import WHOLE_EVERY, applied, changed_traits
from app.identity.identifier import Identifier

MAX_PAGE = 100
MAX_CAUSES = 20
"""Messages named as the cause of one version; a bulk load can be the cause of one with a thousand."""
MAX_REDIRECTS = 100
LAST = 2**31 - 1
RESTING = frozenset(("merged_into", "removed"))
"""Reasons of versions at which an id stands for no profile of its own."""

_profiles = Queries("profiles")


@dataclass(frozen=True, slots=True)
class Cause:
    """A message that brought a version about. `message_id` where its sender gave one, `key` where it is a record's."""

    source: str
    received_at: datetime
    message_id: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One version: what it changed and why. `other_id` is the profile it merged with, split from or went to."""

    version: int
    at: datetime
    reason: str
    other_id: int | None
    causes: Sequence[Cause]
    traits: Mapping[str, tuple[Json, Json]]
    joined: Sequence[RecordName]
    parted: Sequence[RecordName]
    gained: Sequence[Identifier]
    lost: Sequence[Identifier]


async def version(tx: Tx, keyring: Keyring, id: int, number: int) -> Profile | None:
    """The profile at one of its versions; None where it has no such version or its id led elsewhere then."""
    if not 1 <= number <= LAST:
        return None
    created_at = await _profiles.value(tx, "created", id=id)
    return await _version(tx, keyring, id, number, created_at) if created_at is not None else None


async def at(tx: Tx, keyring: Keyring, id: int, current_id: int, moment: datetime) -> Profile | None:
    """What an id answered at an instant: its own profile, or, when it was merged away by then, the survivor's.

    An id that never stood for a profile of its own (its record joined one at once) answers as `current_id` does, the
    profile it leads to now.
    """
    followed: set[int] = set()
    if await _profiles.value(tx, "created", id=id) is None:
        id = current_id
    while id not in followed and len(followed) < MAX_REDIRECTS:
        followed.add(id)
        row = await _profiles.row(tx, "version_at", id=id, at=moment)
        if row is None or row["reason"] == "removed":
            return None
        if row["reason"] != "merged_into":
            return await _version(tx, keyring, id, row["version"], row["created_at"])
        id = row["other_id"]
    return None


async def page(
    tx: Tx, keyring: Keyring, id: int, *, before: int | None = None, many: int = 50
) -> tuple[list[Change], int | None]:
    """The versions before `before`, newest first, and the one to go on from (None when these were the last)."""
    many = min(many, MAX_PAGE)
    rows = await _profiles.rows(
        tx, "versions_page", id=id, before=LAST if before is None else before, many=many + 1, causes=MAX_CAUSES
    )
    more, rows = len(rows) > many, rows[:many]
    if not rows:
        return [], None
    known = await sources.all_sources(tx)
    contents = await _contents(tx, keyring, id, rows[-1]["version"] - 1, rows[0]["version"])
    causes = await _causes(tx, keyring, sorted({log_id for row in rows for log_id in row["log_ids"]}), known)
    changes = [_change(row, contents, causes, known) for row in rows]
    return changes, rows[-1]["version"] if more else None


async def _version(tx: Tx, keyring: Keyring, id: int, number: int, created_at: datetime) -> Profile | None:
    rows = await _bodies(tx, id, number, number)
    if not rows or rows[-1]["version"] != number or rows[-1]["reason"] in RESTING:
        return None
    content = _replayed(keyring, id, rows).get(number)
    if content is None:
        return None
    known = await sources.all_sources(tx)
    return of_content(id, number, created_at, rows[-1]["at"], content, known)


async def _contents(tx: Tx, keyring: Keyring, id: int, low: int, high: int) -> dict[int, Content]:
    return _replayed(keyring, id, await _bodies(tx, id, low, high))


async def _bodies(tx: Tx, id: int, low: int, high: int) -> list[Mapping[str, Any]]:
    """The versions low to high, and those before them back to a whole one."""
    return list(await _profiles.rows(tx, "bodies", id=id, low=max(1, low - WHOLE_EVERY + 1), high=high))


def _replayed(keyring: Keyring, id: int, rows: Sequence[Mapping[str, Any]]) -> dict[int, Content]:
    """Version to content, from the first whole one on."""
    contents: dict[int, Content] = {}
    content: Content | None = None
    for row in rows:
        held = orjson.loads(keyring.open(row["body"], "profile_versions", "body", f"{id}/{row['version']}"))
        if row["whole"]:
            content = load(held)
        elif content is not None:
            content = applied(content, held)
        if content is not None:
            contents[row["version"]] = content
    return contents


async def _causes(tx: Tx, keyring: Keyring, log_ids: Sequence[int], known: Mapping[int, Source]) -> dict[int, Cause]:
    rows = await _profiles.rows(tx, "log_entries", log_ids=list(log_ids)) if log_ids else []
    causes: dict[int, Cause] = {}
    for row in rows:
        said = opened(keyring, row)["message"]
        is_record = row["kind"] == Kind.RECORD
        causes[row["id"]] = Cause(
            name_of(known, row["source_id"]),
            row["received_at"],
            None if is_record else message_id(said),
            str(said.get("key")) if is_record else None,
        )
    return causes


def opened(keyring: Keyring, row: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a log entry: `{"message": <what the source sent>, ...}`."""
    body: dict[str, Any] = orjson.loads(keyring.open(row["body"], "ingest_log", "body", row["message_token"]))
    return body


def message_id(message: Mapping[str, Json]) -> str | None:
    said = message.get("messageId")
    return str(said) if said not in (None, "") else None


def _change(
    row: Mapping[str, Any], contents: Mapping[int, Content], causes: Mapping[int, Cause], known: Mapping[int, Source]
) -> Change:
    after = contents.get(row["version"], EMPTY)
    before = contents.get(row["version"] - 1, EMPTY)
    held, had = set(after.records), set(before.records)
    carries, carried = set(visible(after.identifiers)), set(visible(before.identifiers))
    return Change(
        row["version"],
        row["at"],
        row["reason"],
        row["other_id"],
        [causes[log_id] for log_id in row["log_ids"] if log_id in causes],
        changed_traits(before, after),
        names(sorted(held - had), known),
        names(sorted(had - held), known),
        sorted(carries - carried),
        sorted(carried - carries),
    )
