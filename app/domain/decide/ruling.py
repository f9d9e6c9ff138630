"""What an act of deciding came to: the decisions as they stand, the people as they are, and what it undid."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from app.core.crypto.keyring import Keyring
from app.core.sql import Tx
from app.domain import decisions, lookup
from app.domain.decide.exposure import UNSEEN, Exposure, exposure
from app.domain.decisions import Decision, Verdict
from app.domain.lookup import ById
from app.domain.pipeline.batch import Batch
from app.domain.profiles import Profile

MAX_SHOWN = 100
"""Decisions, profiles and contradictions that an answer names; a list has the rest."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """The outcome. `decided` and `revoked` count what this act wrote: nothing, when all of it stood already.

    `decisions` are the first of them. `profiles` hold the records that were decided on, or were changed. `contradicts`
    are other decisions that stand and cannot hold together with these.
    """

    act_id: int
    decisions: Sequence[Decision]
    profiles: Sequence[Profile]
    decided: int = 0
    revoked: int = 0
    exposure: Exposure = UNSEEN
    contradicts: Sequence[int] = ()

    @property
    def unfollowed(self) -> Decision | None:
        """The first of the decisions that could not be followed."""
        return next((each for each in self.decisions if each.applied is False), None)


async def ruling(
    tx: Tx, keyring: Keyring, ids: Sequence[int], batch: Batch | None, *, decided: int = 0, revoked: int = 0
) -> Ruling:
    """Tell what became of decisions: `batch` is what they moved, None where nothing did."""
    found = await decisions.some(tx, keyring, ids[:MAX_SHOWN])
    concerned = {side.profile_id for each in found for side in (each.a, each.b)} | _changed(batch)
    return Ruling(
        found[0].act_id,
        found,
        await _profiles(tx, keyring, {id for id in concerned if id is not None}),
        decided,
        revoked,
        UNSEEN if batch is None else await _undone(tx, batch),
        await _contradicting(tx, found),
    )


def _changed(batch: Batch | None) -> set[int]:
    """The profiles, as they are now, that gained or lost a record."""
    if batch is None:
        return set()
    was_in = batch.region.was_in
    moved = [r for r in batch.region.records.values() if was_in.get(r.id) != r.profile_id]
    live = {r.profile_id for r in batch.region.records.values()}
    ids = {r.profile_id for r in moved} | {was_in.get(r.id) for r in moved}
    return {id for id in ids & live if id is not None}


async def _profiles(tx: Tx, keyring: Keyring, ids: Collection[int]) -> list[Profile]:
    found = await lookup.lookup(tx, keyring, [ById(id) for id in sorted(ids)[:MAX_SHOWN]])
    return [profile for profile in found if profile is not None]


async def _undone(tx: Tx, batch: Batch) -> Exposure:
    """Where records that this batch has parted had been one."""
    was_in = batch.region.was_in
    pieces: dict[int, dict[int | None, list[int]]] = defaultdict(lambda: defaultdict(list))
    for record in batch.region.records.values():
        was = was_in.get(record.id)
        if was is not None and record.source.founds:
            pieces[was][record.profile_id].append(record.id)
    parted = [list(divided.values()) for divided in pieces.values() if len(divided) > 1]
    found = [await exposure(tx, sides, until=batch.now) for sides in parted]
    return Exposure([span for each in found for span in each.spans], [use for each in found for use in each.uses])


async def _contradicting(tx: Tx, found: Sequence[Decision]) -> list[int]:
    """Decisions that stand against the first of these, or that the first stands against."""
    first = found[0]
    if first.revoked_at is not None or (first.verdict == "same" and first.because != "different"):
        return []
    otherwise: Verdict = "different" if first.verdict == "same" else "same"
    return await decisions.between(tx, otherwise, first.a, first.b, many=MAX_SHOWN)
