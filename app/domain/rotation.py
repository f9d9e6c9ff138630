"""Rotation of data keys: online, resumable, and at its end the old key is gone.

1. A new key is announced: it opens, and seals nothing yet. A fence later every process knows it.
2. It becomes the active key, and every blob under an older one is sealed anew, table by table. Batch and position
   commit together, so a killed rotation goes on where it stopped.
3. A fence later nobody seals under an older key any more. What was still sealed so meanwhile, or was in use when the
   walk came by, is walked again until no blob names an older key.
4. The older keys are deleted, and with them every old copy of a blob becomes unreadable.

Where a rotation is, is read from the keys themselves: one younger than the active key was announced, one older is
being left.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from app.core.crypto.keyring import KEY_BYTES, MAX_KEY_ID
from app.core.crypto.keyservice import KeyService
from app.core.errors import Conflict
from app.core.sql import Queries, Tx
from app.domain import keys, reseal
from app.domain.fence import Begins, passed
from app.domain.reseal import Position
from app.domain.sealed import TABLES, SealedTable
from app.domain.workspaces import key_context

MAX_WALKS = 50
"""Walks over what others held, after the fence. Each waits a little longer than the one before."""

_rotation = Queries("rotation")


class House(Begins, Protocol):
    """What a rotation needs of a process."""

    key_service: KeyService

    def now(self) -> datetime: ...


class StillUsed(Conflict):
    """Some rows stay locked by others; run `cdp keys rotate` again when those transactions have ended."""

    code = "still_used"


@dataclass(frozen=True, slots=True)
class HeldKey:
    """One key of a workspace. `blobs` says how many sealed values name it; None for the key of hashes."""

    id: int
    purpose: str
    active: bool
    created_at: datetime
    blobs: int | None


@dataclass(slots=True)
class Rotation:
    """One workspace's way to the key `key_id`. `damaged` are rows that do not open: they keep the older key alive."""

    workspace_id: int
    key_id: int
    resumed: bool
    activated: bool
    resealed: int = 0
    damaged: dict[str, list[Position]] = field(default_factory=dict)
    done: bool = False


Told = Callable[[int], None]
"""Told how many rows a batch has passed over or sealed anew."""


async def listed(tx: Tx) -> list[HeldKey]:
    """The keys of a workspace, with how many blobs name each. Reads every sealed table."""
    counted = await _blobs(tx)
    return [
        HeldKey(
            row["id"],
            row["purpose"],
            row["active"],
            row["created_at"],
            counted.get(row["id"], 0) if row["purpose"] == "seal" else None,
        )
        for row in await _rotation.rows(tx, "keys")
    ]


async def left(tx: Tx, key_id: int) -> int:
    """How many blobs of a workspace name another key than this one."""
    return sum(many for id, many in (await _blobs(tx)).items() if id != key_id)


async def to_reseal(tx: Tx) -> int:
    """About how many rows a rotation that starts or goes on now has before it."""
    held = [row for row in await _rotation.rows(tx, "keys") if row["purpose"] == "seal"]
    (active,) = (row["id"] for row in held if row["active"])
    under_way = any(row["id"] < active for row in held)
    total = 0
    for table in TABLES:
        counted = await reseal.blobs(tx, table)
        total += sum(many for id, many in counted.items() if id != active or not under_way) // len(table.columns)
    return total


async def rotate(
    house: House,
    workspace_ids: Sequence[int],
    told: Told = lambda _rows: None,
    *,
    fresh: float = keys.FRESH_SECONDS,
) -> list[Rotation]:
    """Take workspaces to a fresh data key each, or finish the rotation that was cut short; return what was done.

    All of them pass the fences together; `fresh` is how old, in seconds, keyrings grow in any process. Raises StillUsed
    when somebody holds rows for longer than is reasonable.
    """
    rotations = [await announce(house, id) for id in workspace_ids]
    if not all(each.activated for each in rotations):
        await passed(house, time.monotonic(), fresh)
        for each in rotations:
            await activate(house, each)
    activated = time.monotonic()
    for each in rotations:
        await walk(house, each, told)
    await passed(house, activated, fresh)
    for each in rotations:
        await _finish(house, each, told)
    return rotations


async def announce(house: House, workspace_id: int) -> Rotation:
    """Add a key that opens and does not seal yet, unless a rotation is under way: then that one goes on."""
    async with house.begin(workspace_id) as tx:
        # Who waited for the lock reads again: a key that was added meanwhile is no row of the statement that waited.
        await _rotation.rows(tx, "lock_keys")
        held = [row for row in await _rotation.rows(tx, "keys") if row["purpose"] == "seal"]
        active = next(row["id"] for row in held if row["active"])
        newest = max(row["id"] for row in held)
        if newest != active or len(held) > 1:
            return Rotation(workspace_id, newest, resumed=True, activated=newest == active)
        if newest >= MAX_KEY_ID:
            raise Conflict("This workspace has had every key that it can have.")
        wrapped = house.key_service.wrap(os.urandom(KEY_BYTES), key_context(workspace_id, newest + 1))
        await _rotation.run(tx, "announce", id=newest + 1, wrapped=wrapped, now=house.now())
    return Rotation(workspace_id, newest + 1, resumed=False, activated=False)


async def activate(house: House, rotation: Rotation) -> None:
    """Let the new key seal from now on, and lay out the walks."""
    if rotation.activated:
        return
    async with house.begin(rotation.workspace_id) as tx:
        await _rotation.rows(tx, "lock_keys")
        await _rotation.run(tx, "activate", id=rotation.key_id)
        await _rotation.run(tx, "begin_walks", id=rotation.key_id, tables=[table.name for table in TABLES])
    rotation.activated = True


async def walk(house: House, rotation: Rotation, told: Told) -> None:
    """Walk every table to its end, from where the last walk stopped."""
    rotation.damaged.clear()
    async with house.begin(rotation.workspace_id) as tx:
        # A table that was registered after the rotation began gets its walk here.
        await _rotation.run(tx, "begin_walks", id=rotation.key_id, tables=[table.name for table in TABLES])
    for table in TABLES:
        while await _step(house, rotation, table, told):
            pass


async def _step(house: House, rotation: Rotation, table: SealedTable, told: Told) -> bool:
    """One batch and the position it leads to, in one transaction; whether there is more."""
    async with house.begin(rotation.workspace_id) as tx:
        # A batch that is lost is done again; only the deletion of the old key, which comes last, has to be durable.
        await tx.conn.execute("SET LOCAL synchronous_commit = off")
        at = await _rotation.row(tx, "walk", table=table.name, id=rotation.key_id)
        if at is None or at["done_at"] is not None:
            return False
        keyring = await keys.load(house.key_service, tx)
        found = await reseal.batch(tx, keyring, table, at["position"])
        await _rotation.run(
            tx,
            "step",
            table=table.name,
            id=rotation.key_id,
            position=found.position,
            resealed=found.resealed,
            done_at=house.now() if found.position is None else None,
        )
    rotation.resealed += found.resealed
    if found.damaged:
        rotation.damaged.setdefault(table.name, []).extend(found.damaged)
    told(found.resealed)
    return found.position is not None


async def _finish(house: House, rotation: Rotation, told: Told) -> None:
    """Walk again until no blob names an older key, and delete the older keys."""
    for turn in range(MAX_WALKS):
        async with house.begin(rotation.workspace_id) as tx:
            remaining = await left(tx, rotation.key_id)
            if not remaining:
                await _rotation.run(tx, "retire", id=rotation.key_id)
                rotation.done = True
                return
            await _rotation.run(tx, "walk_again", id=rotation.key_id)
        before = rotation.resealed
        await walk(house, rotation, told)
        if rotation.damaged and rotation.resealed == before:
            return
        await asyncio.sleep(0.02 * turn)
    raise StillUsed


async def _blobs(tx: Tx) -> dict[int, int]:
    """How many blobs of the workspace name each key."""
    counted: Counter[int] = Counter()
    for table in TABLES:
        counted.update(await reseal.blobs(tx, table))
    return counted
