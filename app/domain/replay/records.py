"""The first walk: every record is joined anew from its messages and compared with what is stored."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import orjson

from app.core.crypto.keyring import Tampered, UnknownKey
from app.domain.claims import Json, RecordState, same
from app.domain.deliveries import instant
from app.domain.entries import Entry
from app.domain.normalize import Normal, Unreadable, normalize
from app.domain.pipeline.batch import Batch, Word
from app.domain.pipeline.normalize import normalize_words
from app.domain.pipeline.open import open_entries
from app.domain.pipeline.region import NEVER_BORN, usable
from app.domain.replay.findings import Findings
from app.domain.replay.look import Look, Walked
from app.domain.replay.streams import Row, Stream, rows
from app.domain.sources import Source
from app.domain.tokens import key_token, token

TOGETHER = 500
"""Messages of one record that are read at once."""

_MICROSECOND = 1_000_000


async def walk(look: Look, found: Findings, walked: Walked) -> None:
    """Compare every record with its messages, its identifiers in the index, and its events."""
    streams = _Streams(look)
    async for row in rows(look.tx, "records"):
        await _record(look, found, streams, row)
        walked(1)


class _Streams:
    """What belongs to a record, each in the order of the records."""

    def __init__(self, look: Look) -> None:
        self.words = Stream(look.tx, "words", "record_id")
        self.carried = Stream(look.tx, "carried", "record_id")
        self.events = Stream(look.tx, "events", "record_id")


async def _record(look: Look, found: Findings, streams: _Streams, row: Row) -> None:
    id = row["id"]
    try:
        stored = RecordState.load(look.keyring.open(row["state"], "source_records", "state", id))
    except (Tampered, UnknownKey):
        found.differs("unreadable", "record", id)
        return
    told: Counter[str] = Counter()
    replayed = RecordState(stored.key, born=NEVER_BORN)
    async for entries in _together(streams.words.of(id)):
        for word in await _read(look, found, entries):
            if not _speaks_of(look, word, stored, row):
                found.differs("wrong_record", "message", word.log_id)
            replayed.join(word.said)
            if word.event is not None:
                told.update(many=1, log_ids=word.log_id, types=int(word.event.type), instants=word.event.at)
    _compare(look, found, row, stored, replayed)
    carried = {each["token"] async for each in streams.carried.of(id)}
    if carried != {token(look.keyring, held) for held in usable(stored, look.policy)}:
        found.differs("identifiers", "record", id)
    events = await streams.events.first(id)
    held = {name: 0 if events is None else int(events[name]) for name in ("many", "log_ids", "types", "instants")}
    if held != {name: told[name] for name in held}:
        found.differs("events", "record", id)


def _compare(look: Look, found: Findings, row: Row, stored: RecordState, replayed: RecordState) -> None:
    source = look.sources[row["source_id"]]
    in_order = (
        row["key_token"] == key_token(look.keyring, source.id, stored.key)
        and row["born_at"] == instant(stored.born)
        and row["removed"] == stored.is_removed
        and (row["profile_id"] is None) == (row["component_id"] is None) == stored.is_removed
    )
    if in_order and canonical(stored) == canonical(replayed):
        return
    if in_order and canonical(_as_read_today(look, source, stored, replayed)) == canonical(replayed):
        found.older_rules += 1
        return
    found.differs("state", "record", row["id"])


def canonical(state: RecordState) -> bytes:
    """Equal for equal states, whatever the order in which they came about, and whatever the breaker withholds."""
    held: dict[str, Any] = orjson.loads(state.dump())
    held.pop("h", None)
    held["s"].sort()
    return orjson.dumps(held, option=orjson.OPT_SORT_KEYS)


def _as_read_today(look: Look, source: Source, stored: RecordState, replayed: RecordState) -> RecordState:
    """The stored state with its values read under today's definitions: a trait may have been defined since.

    Which message of the source a value came with is not known, so neither is which of its declarations held: each is
    tried, and the one that gives the replayed value is meant.
    """

    def read(name: str, type: str, value: Json) -> Normal | Unreadable:
        declared = (source.declared, *(each.declared for each in source.earlier))
        readings = [normalize(type, value, each) for each in declared]
        _, meant = replayed.traits.get(name, (None, None))
        return next((r for r in readings if isinstance(r, Normal) and same(r.value, meant)), readings[0])

    today = RecordState.load(stored.dump())
    for name, (at, value) in stored.traits.items():
        trait = look.catalog.traits.get(name)
        if value is None or trait is None or trait.origin == "arrived":
            continue
        reading = read(name, trait.type, value)
        if isinstance(reading, Normal):
            today.traits[name] = (at, reading.value)
        else:
            del today.traits[name]
            today.unread[name] = (at, value, reading.code)
    for name, (at, raw, _) in stored.unread.items():
        if name in replayed.traits and name not in today.traits and (trait := look.catalog.traits.get(name)):
            reading = read(name, trait.type, raw)
            if isinstance(reading, Normal):
                del today.unread[name]
                today.traits[name] = (at, reading.value)
    return today


async def _together(entries: AsyncIterator[Row]) -> AsyncIterator[list[Entry]]:
    """Entries in lists of a bounded length."""
    held: list[Entry] = []
    async for row in entries:
        held.append(Entry(**{name: row[name] for name in Entry.__dataclass_fields__}))
        if len(held) == TOGETHER:
            yield held
            held = []
    if held:
        yield held


async def _read(look: Look, found: Findings, entries: Sequence[Entry]) -> Sequence[Word]:
    """The words of entries, through the very steps that the pipeline takes."""
    batch = Batch(look.tx, look.keyring, look.now, look.policy, look.catalog, look.sources, entries=list(entries))
    try:
        await open_entries(batch)
    except (Tampered, UnknownKey):
        if len(entries) == 1:
            found.differs("unreadable", "message", entries[0].log_id)
            return []
        return [word for entry in entries for word in await _read(look, found, [entry])]
    await normalize_words(batch)
    for aside in batch.aside:
        found.differs("unread", "message", aside.log_id)
    return batch.words


def _speaks_of(look: Look, word: Word, stored: RecordState, row: Mapping[str, Any]) -> bool:
    """Whether this word belongs to the record. An event's key is its strongest identifier: under a policy that has
    changed since it may have been another one of those it carries."""
    if word.source.id != row["source_id"]:
        return False
    if word.key == stored.key:
        return True
    return word.event is not None and stored.key in {f"{i.namespace}:{i.value}" for i in word.said.seen}
