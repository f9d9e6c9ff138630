"""Step 3, resolve: who is the same person. Clusters are derived from the records, never edited."""

from datetime import datetime

from app.core.sql import Queries, arrays
from app.domain.claims import RecordState
from app.domain.deliveries import instant
from app.domain.pipeline import alerts, breaker, links, locks, ties
from app.domain.pipeline.batch import Batch, Record
from app.domain.pipeline.match import match
from app.domain.pipeline.nodes import node
from app.domain.pipeline.region import load_records, lock_keys, reach
from app.domain.pipeline.ties import Ties
from app.identity.cluster import Partition, Tie

_pipeline = Queries("pipeline")


async def resolve(batch: Batch) -> None:
    """Lock, read what can be reached, derive the clusters again where anything can move, and write who is where."""
    if not batch.words:
        return
    await lock_keys(batch)
    await load_records(batch)
    await match(batch)
    await place(batch)


async def place(batch: Batch) -> None:
    """Put everybody that the batch's records can reach where the rules say, and write what has changed of it."""
    dirty = await reach(batch)
    region = batch.region
    region.remember()
    moving = [r for r in region.records.values() if r.component_id is None or r.component_id in dirty]
    region.rederived = {r.id for r in moving}
    await _find_generic(batch, moving)
    tied = await ties.of_records(batch.tx, [r.id for r in moving if not r.is_new or r.id in batch.matched])
    tied = await breaker.hold_back(batch, [r for r in moving if r.is_live], tied)
    found = _derive(batch, [r for r in moving if r.is_live], tied)
    _inherit(batch)
    await _write_records(batch)
    await _write_identifiers(batch)
    await links.write(batch, [r.id for r in moving], found, tied)
    await alerts.write(batch)


async def _find_generic(batch: Batch, moving: list[Record]) -> None:
    """Which identifiers of the moving records link nobody, though no record of this batch gained or lost them."""
    changed = {i for r in batch.region.records.values() for i in r.identifiers ^ r.before}
    caps = {
        batch.token(held): (held, batch.policy.rule(held.namespace).max_records)
        for record in moving
        for held in record.identifiers
        if held not in changed
    }
    counted = await locks.counts(batch.tx, {t: cap for t, (_, cap) in caps.items()})
    batch.region.generic |= {held for t, (held, cap) in caps.items() if counted[t] > cap}


def _derive(batch: Batch, moving: list[Record], tied: Ties) -> list[Tie]:
    """Give every moving record its component and its profile: the id of its cluster's canonical oldest record."""
    records = {record.id: record for record in moving}
    nodes = [node(r.id, r.source, r.state, r.identifiers) for r in moving]
    found: list[Tie] = []
    for component, divided in ties.divide(nodes, batch.region.generic, batch.policy, tied, batch.automatic):
        found += divided.ties
        _assign(divided, records, min(each.id for each in component))
    return found


def _assign(divided: Partition, records: dict[int, Record], component_id: int) -> None:
    for cluster in divided.clusters:
        for id in cluster:
            records[id].profile_id, records[id].component_id = cluster[0], component_id
    for id in divided.loose:
        records[id].profile_id, records[id].component_id = None, component_id


def _inherit(batch: Batch) -> None:
    """A removed record leaves its profile; its id leads on to the oldest record that stays."""
    staying: dict[int, list[Record]] = {}
    was_in = batch.region.was_in
    for record in batch.region.records.values():
        was = was_in.get(record.id)
        if record.is_live and was is not None:
            staying.setdefault(was, []).append(record)
    for record in batch.region.records.values():
        if record.is_live:
            record.heir_id = None
            continue
        was = was_in.get(record.id)
        if was is not None:
            heirs = sorted((r.state.born, r.source.name, r.state.key, r.id) for r in staying.get(was, ()))
            record.heir_id = heirs[0][3] if heirs else None
        record.profile_id = record.component_id = None


async def _write_records(batch: Batch) -> None:
    region = batch.region
    said = [
        (
            r.id,
            r.source.id,
            r.key_token,
            r.profile_id,
            r.component_id,
            r.heir_id,
            _born(r.state),
            not r.is_live,
            _sealed(batch, r),
        )
        for r in region.records.values()
        if _is_rewritten(r)
    ]
    moved = [
        (r.id, r.profile_id, r.component_id)
        for r in region.records.values()
        if not _is_rewritten(r) and (r.profile_id, r.component_id) != region.was_at.get(r.id)
    ]
    if said:
        names = "ids source_ids key_tokens profile_ids component_ids heir_ids born_ats removeds states"
        await _pipeline.run(batch.tx, "write_records", **arrays(said, names))
    if moved:
        await _pipeline.run(batch.tx, "move_records", **arrays(moved, "ids profile_ids component_ids"))


def _is_rewritten(record: Record) -> bool:
    return bool(record.touched_by) or record.state.withheld != record.withheld_before


def _sealed(batch: Batch, record: Record) -> bytes:
    return batch.keyring.seal(record.state.dump(), "source_records", "state", record.id)


def _born(state: RecordState) -> datetime:
    return instant(state.born)


async def _write_identifiers(batch: Batch) -> None:
    gained: list[tuple[bytes, int, str]] = []
    lost: list[tuple[bytes, int]] = []
    for record in batch.region.records.values():
        gained += [(batch.token(i), record.id, i.namespace) for i in record.identifiers - record.before]
        lost += [(batch.token(i), record.id) for i in record.before - record.identifiers]
    if lost:
        await _pipeline.run(batch.tx, "drop_identifiers", **arrays(lost, "tokens record_ids"))
    if gained:
        await _pipeline.run(batch.tx, "add_identifiers", **arrays(gained, "tokens record_ids namespaces"))
