"""What a batch can reach: the records of every connected component that it touches, locked and read once.

Components are over all links, refused ones included, so a change cannot have
an effect outside of them. The workspace is never scanned.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from app.core.crypto.keyring import Keyring
from app.core.sql import Queries
from app.domain.claims import RecordState, of_trait
from app.domain.deliveries import micros
from app.domain.golden import GoldenProfile, from_columns
from app.domain.pipeline import locks
from app.domain.pipeline.batch import Batch, Record
from app.domain.pipeline.locks import Moved, Token
from app.domain.pipeline.nodes import told
from app.domain.tokens import key_token
from app.identity.blocked import blocked
from app.identity.identifier import Identifier, identifier
from app.identity.policy import Policy

MAX_TURNS = 8
NEVER_BORN = micros(datetime(9999, 1, 1, tzinfo=UTC))
"""The birth of a record that was only ever deleted: it sorts last and is in no profile."""

_pipeline = Queries("pipeline")
_matching = Queries("matching")


def usable(state: RecordState, policy: Policy) -> frozenset[Identifier]:
    """The identifiers of a record that may link: blocked ones are left out, under today's policy, and withheld ones."""
    held = state.identifiers() - state.withheld if state.withheld else state.identifiers()
    if policy.blocked_values or policy.blocked_patterns:
        return frozenset(i for i in held if may_link(i, policy))
    return frozenset(i for i in held if not _shipped_block(i))


def may_link(held: Identifier, policy: Policy) -> bool:
    """Whether an identifier points at anybody: neither the policy nor the shipped list blocks it."""
    if _shipped_block(held):
        return False
    values, patterns = policy.blocked_values.get(held.namespace), policy.blocked_patterns.get(held.namespace)
    return not (values or patterns) or blocked(held, values or frozenset(), patterns or ()) is None


@lru_cache(maxsize=65_536)
def _shipped_block(held: Identifier) -> bool:
    return not isinstance(identifier(held.namespace, held.value), Identifier)


async def lock_keys(batch: Batch) -> None:
    """Lock what the batch's words name: their records and their identifiers."""
    caps: dict[Token, int] = {}
    records: set[Token] = set()
    for word in batch.words:
        records.add(key_token(batch.keyring, word.source.id, word.key))
        for held in _named(word.said.traits, word.said.seen, word.said.listed or ()):
            caps[batch.token(held)] = batch.policy.rule(held.namespace).max_records
    await locks.take_counted(batch.tx, caps, records)


def _named(traits: Mapping[str, Any], *listed: Iterable[Identifier]) -> Iterable[Identifier]:
    for identifiers in listed:
        yield from identifiers
    for name in ("email", "phone"):
        if isinstance(traits.get(name), str):
            yield Identifier(name, of_trait(name, traits[name]))


async def load_records(batch: Batch) -> None:
    """Read the batch's own records, mint ids for new ones, and join every word to its record's state."""
    wanted: dict[tuple[int, str], Token] = {
        (w.source.id, w.key): key_token(batch.keyring, w.source.id, w.key) for w in batch.words
    }
    rows = await _pipeline.rows(
        batch.tx,
        "records_by_key",
        source_ids=[source_id for source_id, _ in wanted],
        key_tokens=list(wanted.values()),
    )
    by_token = {(row["source_id"], row["key_token"]): record_of(batch, row) for row in rows}
    new = [place for place, t in wanted.items() if (place[0], t) not in by_token]
    ids = await _pipeline.rows(batch.tx, "fresh_ids", many=len(new)) if new else []
    for (source_id, key), minted in zip(new, ids, strict=True):
        fresh = wanted[source_id, key]
        state = RecordState(key, born=NEVER_BORN)
        by_token[source_id, fresh] = Record(
            minted["id"], batch.sources[source_id], fresh, state, None, None, is_new=True, was_removed=True
        )
    for word in batch.words:
        record = by_token[word.source.id, wanted[word.source.id, word.key]]
        record.born_before = record.born_before if record.touched_by else record.state.born
        record.state.join(word.said)
        record.touched_by.append(word.log_id)
        batch.record_of[word.log_id] = record.id
    for record in by_token.values():
        record.identifiers = usable(record.state, batch.policy)
        batch.region.records[record.id] = record
    await locks.take(batch.tx, _taken_away(batch))


def _taken_away(batch: Batch) -> set[Token]:
    """Identifiers that a record gives up: whoever takes a holder away must be alone with the count."""
    return {
        batch.token(held) for record in batch.region.records.values() for held in record.before - record.identifiers
    }


def record_of(batch: Batch, row: Mapping[str, Any]) -> Record:
    id = row["id"]
    state = RecordState.load(batch.keyring.open(row["state"], "source_records", "state", id))
    held = usable(state, batch.policy)
    source = batch.sources.get(row["source_id"])
    if source is None:
        # It was created after this batch had read the sources, and its first record came before the locks.
        raise Moved
    return Record(
        id,
        source,
        row["key_token"],
        state,
        row["profile_id"],
        row["component_id"],
        identifiers=held,
        before=held,
        was_removed=state.is_removed,
        heir_id=row["heir_id"],
        born_before=state.born,
        told_before=told(state),
        compared_before=batch.matcher.compared(state, held) if batch.matcher is not None else None,
        withheld_before=state.withheld,
    )


async def reach(batch: Batch) -> set[int]:
    """Load every record and profile of the touched components; return the components whose partition may change.

    Reads, locks the profiles in id order, and reads again: whoever held them may have moved records between
    components meanwhile.
    """
    own = dict(batch.region.records)
    change = _Change(batch, own.values())
    for _ in range(MAX_TURNS):
        seeds = await change.seeds() | await _places(batch)
        quiet = {r.component_id for r in own.values() if r.component_id is not None}
        touched = sorted(quiet | {component for _, component in seeds if component is not None})
        profiles = await _pipeline.rows(batch.tx, "lock_profiles", components=touched) if touched else []
        rows = await _pipeline.rows(batch.tx, "region", components=touched) if touched else []
        found = {row["id"] for row in rows}
        settled = {r.id for r in own.values() if r.component_id is not None}
        locked = {row["id"] for row in profiles}
        if (
            {id for id, _ in seeds} <= found | own.keys()
            and settled <= found
            and all(row["profile_id"] in locked for row in rows if row["profile_id"] is not None)
        ):
            break
        await _follow(batch, own)
    else:
        raise Moved
    for row in rows:
        if row["id"] in own:
            own[row["id"]].profile_id, own[row["id"]].component_id = row["profile_id"], row["component_id"]
        else:
            batch.region.records[row["id"]] = record_of(batch, row)
    for row in profiles:
        batch.region.profiles[row["id"]] = profile_of(batch.keyring, row)
    batch.region.generic |= change.generic
    batch.region.risen, batch.region.fallen = change.risen, change.fallen
    # By where they are now: a component may have been renumbered since the seeds were read.
    moving = {r.id for r in own.values() if r.id in batch.moving or batch.refreshing or needs_partition(r)} | {
        id for id, _ in seeds
    }
    return {place for id in moving if (place := batch.region.records[id].component_id) is not None}


async def _places(batch: Batch) -> set[tuple[int, int | None]]:
    """(record id, component id) of everybody whose scored pairs changed, and whom a verdict waits to tie to a record
    that is back."""
    back = [r.id for r in batch.region.records.values() if r.was_removed and r.is_live and not r.is_new]
    if not back and not batch.matched:
        return set()
    rows = await _matching.rows(batch.tx, "places", ids=list(batch.matched), back=back)
    return {(row["id"], row["component_id"]) for row in rows}


def needs_partition(record: Record) -> bool:
    """Whether this change can move anybody: identifiers, birth, what vetoes read, or being there at all."""
    return (
        record.is_new
        or record.identifiers != record.before
        or record.is_live == record.was_removed
        or record.state.born != record.born_before
        or told(record.state) != record.told_before
    )


async def _follow(batch: Batch, own: Mapping[int, Record]) -> None:
    """Learn where the batch's own records are now."""
    rows = await _pipeline.rows(
        batch.tx,
        "records_by_key",
        source_ids=[r.source.id for r in own.values()],
        key_tokens=[r.key_token for r in own.values()],
    )
    for row in rows:
        own[row["id"]].profile_id, own[row["id"]].component_id = row["profile_id"], row["component_id"]


def profile_of(keyring: Keyring, row: Mapping[str, Any]) -> GoldenProfile:
    content = from_columns(keyring, row["id"], row["public"], row["sealed"], row["proof"])
    return GoldenProfile(
        row["id"],
        row["component_id"],
        row["version"],
        row["live"],
        row["created_at"],
        row["updated_at"],
        content,
    )


class _Change:
    """The identifiers that the batch's records gain and lose, and what that does to their being generic."""

    def __init__(self, batch: Batch, own: Iterable[Record]) -> None:
        self.batch = batch
        self.generic: set[Identifier] = set()
        self._standing: set[Identifier] = set()
        self._gained: dict[Identifier, set[int]] = defaultdict(set)
        self._lost: dict[Identifier, set[int]] = defaultdict(set)
        self.risen: dict[Identifier, int] = {}
        self.fallen: set[Identifier] = set()
        for record in own:
            if batch.refreshing:
                self._standing |= record.identifiers
            for held in record.identifiers - record.before:
                self._gained[held].add(record.id)
            for held in record.before - record.identifiers:
                self._lost[held].add(record.id)

    async def seeds(self) -> set[tuple[int, int | None]]:
        """(record id, component id) of everybody who carries an identifier that links now or linked before."""
        touched = {self.batch.token(i): i for i in self._gained.keys() | self._lost.keys() | self._standing}
        if not touched:
            return set()
        limits = {t: self._limit(i) + len(self._lost[i]) for t, i in touched.items()}
        rows = await _pipeline.rows(self.batch.tx, "holders", tokens=list(limits), caps=list(limits.values()))
        carried: dict[Identifier, set[tuple[int, int | None]]] = defaultdict(set)
        for row in rows:
            carried[touched[row["token"]]].add((row["id"], row["component_id"]))
        found: set[tuple[int, int | None]] = set()
        self.generic.clear()
        self.risen.clear()
        self.fallen.clear()
        for held in touched.values():
            limit, before = self._limit(held), len(carried[held])
            after = before + len(self._gained[held]) - len(self._lost[held])
            if after > limit:
                self.generic.add(held)
                if before <= limit:
                    self.risen[held] = after
            elif before > limit:
                self.fallen.add(held)
            if before <= limit or after <= limit:
                found |= carried[held]
        return found

    def _limit(self, held: Identifier) -> int:
        return self.batch.policy.rule(held.namespace).max_records
