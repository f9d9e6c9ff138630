"""Resolve in bulk: the partition of all records at once, and the pipeline for those whom it changes.

In one transaction, while batches of this workspace wait: what is accepted meanwhile stays in the log. So a run that
is killed has changed nothing, and one that ends is what one-by-one gives.
"""

import asyncio
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from app.core.crypto.keyring import Keyring
from app.core.sql import Queries, Tx
from app.domain import policies, refreshes
from app.domain.bulk import matched, stored
from app.domain.bulk.components import joined
from app.domain.bulk.difference import Difference, difference
from app.domain.bulk.engine import Engine
from app.domain.bulk.partition import Whole, opened, partition
from app.domain.bulk.reading import Told
from app.domain.bulk.rules import rules
from app.domain.pipeline.begin import begin
from app.domain.pipeline.merge import merge
from app.domain.pipeline.refresh import read_again
from app.domain.pipeline.region import record_of
from app.domain.pipeline.resolve import place
from app.domain.pipeline.version import version
from app.identity.policy import Policy

TOGETHER: Final = 500
"""Records that are derived again at once; those that hang together are never divided between two batches."""

_bulk = Queries("bulk")
_pipeline = Queries("pipeline")

DIFFERING: Final = """
SELECT id FROM now WHERE was IS DISTINCT FROM becomes OR was_component IS DISTINCT FROM component
UNION
SELECT unnest([a, b]) FROM ((FROM ties EXCEPT FROM stored_links) UNION (FROM stored_links EXCEPT FROM ties)) AS links
UNION
SELECT unnest([a, b]) FROM ties WHERE refused IS NOT NULL
UNION
SELECT id FROM ((SELECT hi, lo, id FROM identifiers EXCEPT FROM stored_identifiers)
                UNION (FROM stored_identifiers EXCEPT SELECT hi, lo, id FROM identifiers)) AS carried
"""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What changed, and how many records were derived again for it."""

    difference: Difference
    derived: int
    pairs: int


async def resolve(
    tx: Tx, keyring: Keyring, engine: Engine, home: Path | None, told: Told, *, now: datetime
) -> Resolved:
    """Make the workspace what its records, its decisions and the policy in force say; `engine` is closed at the end.

    Walks for a changed policy that are under way are done by this.
    """
    async with opened(engine):
        await refreshes.wait_for_readers(tx)
        policy = await policies.in_force(tx, keyring)
        by = await partition(tx, keyring, await rules(tx, keyring, policy), engine, told, home=home)
        found = await difference(tx, keyring, by)
        changed: set[int] = set()
        if by.rules.matcher is not None:
            changed = await matched.write(await begin(tx, keyring, now), by.rules.matcher, by, told)
        derived = await _derive(tx, keyring, by, changed, told, now=now)
        await _bulk.rows(tx, "end_walks")
        ((pairs,),) = await asyncio.to_thread(engine.rows, "SELECT count(*) FROM pairs")
        return Resolved(found, derived, pairs)


async def _derive(tx: Tx, keyring: Keyring, by: Whole, changed: set[int], told: Told, *, now: datetime) -> int:
    """Place everybody again whom the new partition, its links or the index of identifiers differ for."""
    moving = changed | await _differing(tx, keyring, by)
    groups = await asyncio.to_thread(_groups, by, moving)
    done, total = 0, sum(map(len, groups))
    for ids in _together(groups):
        await _again(tx, keyring, ids, changed, now=now)
        done += len(ids)
        told("Deriving", done, total)
    return total


async def _differing(tx: Tx, keyring: Keyring, by: Whole) -> set[int]:
    if not await _only_matching_changed(tx, keyring, by):
        return {id for (id,) in await asyncio.to_thread(by.engine.rows, "SELECT id FROM records")}
    await stored.links(tx, by.engine)
    await stored.identifiers(tx, by.engine)
    found = {id for (id,) in await asyncio.to_thread(by.engine.rows, DIFFERING)}
    frozen = ", ".join(map(str, by.frozen)) or "NULL"
    held = f"SELECT id FROM components WHERE component IN ({frozen})"
    return found | {id for (id,) in await asyncio.to_thread(by.engine.rows, held)}


async def _only_matching_changed(tx: Tx, keyring: Keyring, by: Whole) -> bool:
    """Whether what is stored was made by the rules in force, but for matching: then what differs shows."""
    row = await _bulk.row(tx, "rules_before")
    if row is None or not row["walks"]:
        return True
    version = row["version"]
    before = await policies.at(tx, keyring, Policy().version if version is None else version)
    now = by.rules.policy
    return replace(before, version=now.version, matching=now.matching) == now


def _groups(by: Whole, moving: Collection[int]) -> list[list[int]]:
    """The moving records with everybody they hang together with, now or then."""
    edges = by.engine.rows(
        "SELECT id, component FROM now WHERE component <> id "
        "UNION ALL SELECT id, was_component FROM now WHERE was_component <> id"
    )
    group = dict(joined(edges))
    members: dict[int, list[int]] = {group.get(id, id): [] for id in sorted(moving)}
    for (id,) in by.engine.rows("SELECT id FROM records ORDER BY id"):
        held = members.get(group.get(id, id))
        if held is not None:
            held.append(id)
    return [ids for ids in members.values() if ids]


def _together(groups: list[list[int]]) -> Iterator[list[int]]:
    ids: list[int] = []
    for group in groups:
        ids += group
        if len(ids) >= TOGETHER:
            yield ids
            ids = []
    if ids:
        yield ids


async def _again(tx: Tx, keyring: Keyring, ids: list[int], changed: set[int], *, now: datetime) -> None:
    """A batch of the pipeline as after a change of the rules, but for matching, which is done."""
    batch = await begin(tx, keyring, now, refreshing=True)
    seen = [record_of(batch, row) for row in await _pipeline.rows(tx, "records_by_id", ids=ids)]
    await read_again(batch, seen, {record.id: record.state.identifiers() for record in seen})
    batch.matched |= changed.intersection(ids)
    await place(batch)
    await merge(batch)
    await version(batch)
