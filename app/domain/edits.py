"""Edits: what a person changes by hand, kept as records of the built-in source `edits`.

An edit goes down the same road as every other word: it is in the log, it is a
claim with a time, and the profile that comes of it is a function of the data.
It is a record `<source>:<key>` named after the profile's oldest record, and an
identifier of our own that both carry ties the two together, so it goes wherever
that record goes. A cleared trait is cleared in every record that claims it; a
source that sends it again later brings it back, as it would overrule any edit.
"""

import contextlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import orjson

from app.core.crypto.keyring import Keyring
from app.core.errors import Conflict, Fault, NotFound, Refused, Stale
from app.core.sql import Queries, Tx
from app.domain import catalog, ingest_log, lookup, sources
from app.domain.claims import Json, RecordState, is_empty
from app.domain.contention import Busy
from app.domain.deliveries import Kind, instant
from app.domain.entries import Entry
from app.domain.normalize import Declarations, Unreadable, normalize
from app.domain.pipeline import Batch, run
from app.domain.pipeline.normalize import MAX_TRAITS_A_RECORD
from app.domain.profiles import Profile
from app.domain.sources import EDITS, EDITS_PRIORITY, Source
from app.domain.trait_names import trait_name
from app.identity.identifier import Identifier
from app.identity.policy import EDITED_RECORD

_profiles = Queries("profiles")


class Redirected(Stale):
    """This profile was merged into another one, to which its id leads now; read that one and repeat the change."""

    def __init__(self, survivor: int) -> None:
        super().__init__()
        self.survivor = survivor


@dataclass(frozen=True, slots=True)
class Member:
    """A source record of the profile that is edited."""

    id: int
    source: Source
    state: RecordState


@dataclass(frozen=True, slots=True)
class Word:
    """A log entry of an edit, before it is sealed."""

    source: Source
    body: Mapping[str, Any]


async def edit(
    tx: Tx,
    keyring: Keyring,
    id: int | None,
    traits: Mapping[str, Json],
    *,
    versions: frozenset[int] | None,
    now: datetime,
) -> Profile:
    """Set traits of a profile (None clears one) and return the profile that comes of it.

    `versions` are those that the caller has seen and allows to be changed; None allows any. Raises NotFound; Stale when
    the profile is at another version; Redirected when its id leads to another profile by now; Refused for a value that
    is none of its trait's type; Busy when others changed the profile meanwhile: try again in a new transaction.
    """
    held = await lookup.get(tx, keyring, id)
    assert id is not None
    named = await _checked(tx, traits)
    if versions is not None and held.id != id:
        raise Redirected(held.id)
    _fresh(held.version, versions)
    if not named:
        return held
    members = await _members(tx, keyring, held.id)
    at = _moment(members, named, now)
    words = _words(await _edits_source(tx, now=now), members, held, named, at)
    entries = await _append(tx, keyring, words, now=now)

    def unchanged(batch: Batch) -> None:
        locked = batch.region.profiles.get(held.id)
        if locked is None or not locked.live:
            raise Busy
        _fresh(locked.version, versions)
        if locked.version != held.version:
            raise Busy

    batch = await run(tx, keyring, entries, now=now, check=unchanged)
    landed = {batch.region.records[batch.record_of[entry.log_id]].profile_id for entry in entries}
    if landed != {batch.region.records[held.id].profile_id}:
        raise Refused("This profile holds as many records as a profile may; an edit would be one more.", code="full")
    return await lookup.get(tx, keyring, held.id)


def _fresh(version: int, versions: frozenset[int] | None) -> None:
    if versions is not None and version not in versions:
        raise Stale(f"The profile is at version {version} now; read it again and repeat the change.")


async def _checked(tx: Tx, traits: Mapping[str, Json]) -> dict[str, Json]:
    """Canonical names and their values. Raises Refused, with a pointer for each trait that cannot be taken."""
    known = (await catalog.load(tx)).traits
    faults: list[Fault] = []
    named: dict[str, Json] = {}
    for raw, value in traits.items():
        name = trait_name(raw)
        pointer = "/traits/" + raw.replace("~", "~0").replace("/", "~1")
        if name is None:
            faults.append(Fault(pointer, "bad_name", "No trait can have this name."))
        elif name in named:
            faults.append(Fault(pointer, "duplicate_trait", "Another spelling of this trait is there already."))
        elif value is not None and is_empty(value):
            faults.append(Fault(pointer, "empty", "To clear a trait send null."))
        else:
            named[name] = value
            trait = known.get(name)
            if value is not None and trait is not None and trait.origin != "arrived":
                read = normalize(trait.type, value, Declarations())
                if isinstance(read, Unreadable):
                    faults.append(Fault(pointer, read.code, read.detail))
    if len(traits) > MAX_TRAITS_A_RECORD:
        raise Refused(f"An edit has at most {MAX_TRAITS_A_RECORD} traits.", code="too_many_fields")
    if faults:
        raise Refused("Some traits cannot be set like this; see `errors` for each.", code="invalid", faults=faults)
    return named


async def _members(tx: Tx, keyring: Keyring, profile_id: int) -> list[Member]:
    rows = await _profiles.rows(tx, "members", id=profile_id)
    # After the records: a source is there before the first of its records.
    known = await sources.all_sources(tx)
    return [
        Member(
            row["id"],
            known[row["source_id"]],
            RecordState.load(keyring.open(row["state"], "source_records", "state", row["id"])),
        )
        for row in rows
    ]


def _moment(members: Sequence[Member], named: Mapping[str, Json], now: datetime) -> datetime:
    """When the edit is true: now, and after everything that it overrules or is tied to.

    A source's clock may run ahead of ours by the tolerance; an edit of today must win over its word of today.
    """
    moments = [instant(member.state.born) for member in members]
    moments += [instant(m.state.traits[name][0]) for m in members for name in named if name in m.state.traits]
    return max([now, *(moment + timedelta(microseconds=1) for moment in moments)])


def _words(
    edits: Source, members: Sequence[Member], held: Profile, named: Mapping[str, Json], at: datetime
) -> list[Word]:
    """The edit itself, the tie on the profile's oldest record, and a clearing in every record that claims it still."""
    oldest = next((member for member in members if member.id == held.id), None)
    if oldest is None:
        raise Busy
    key = f"{oldest.source.name}:{oldest.state.key}"
    tie = Identifier(EDITED_RECORD, blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest())
    ties = [[tie.namespace, tie.value]]
    observed_at = at.isoformat()
    if oldest.source.id == edits.id:
        key = oldest.state.key
    words = [Word(edits, {"message": {"key": key, "traits": dict(named), "observed_at": observed_at}, "ties": ties})]
    cleared = sorted(name for name, value in named.items() if value is None)
    for member in members:
        clears = {name: None for name in cleared if name in member.state.claims()}
        tied = member.id == oldest.id and tie not in member.state.seen
        if member.source.id == edits.id and member.state.key == key:
            continue
        if clears or tied:
            said = {"key": member.state.key, "traits": clears, "observed_at": observed_at}
            words.append(Word(member.source, {"message": said, "by_hand": True, "ties": ties if tied else []}))
    return words


async def _edits_source(tx: Tx, *, now: datetime) -> Source:
    with contextlib.suppress(NotFound):
        return await sources.by_name(tx, EDITS)
    try:
        return await sources.create(tx, EDITS, now=now, priority=EDITS_PRIORITY)
    except Conflict:
        # Another first edit has just made it.
        return await sources.by_name(tx, EDITS)


async def _append(tx: Tx, keyring: Keyring, words: Sequence[Word], *, now: datetime) -> list[Entry]:
    """Put the words in the log. Nobody else sees them wait: they are settled in this transaction."""
    name = secrets.token_hex(16)
    messages = [
        ingest_log.seal(keyring, f"edit:{name}:{n}", word.source.id, Kind.RECORD, orjson.dumps(word.body), now)
        for n, word in enumerate(words)
    ]
    log_ids = await ingest_log.append(tx, messages)
    return [Entry(log_ids[m.token], m.source_id, m.kind, m.received_at, m.token, m.body) for m in messages]
