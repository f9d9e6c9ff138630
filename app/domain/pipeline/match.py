"""Matching, between loading the records and placing them: who is compared anew, under which blocking keys.

A pair is compared when both records carry a blocking key that at most
the model's `max_holders` carry, and kept when it scores at or above the review threshold.
So the pairs are a function of the records and the model: a key that passes its
limit takes away the pairs that met only there, and brings them back when it
falls below again.
"""

from collections.abc import Iterable, Mapping

from app.core.sql import Queries, arrays
from app.domain.matching import Matcher
from app.domain.pipeline import locks, pairs
from app.domain.pipeline.batch import Batch, Record
from app.domain.pipeline.crossing import Move, crossing
from app.domain.pipeline.known import Known, keep, of_today, stored

_matching = Queries("matching")


async def match(batch: Batch) -> None:
    """Score the records whose compared traits changed against everybody they share a live blocking key with."""
    matcher = batch.matcher
    if matcher is None:
        await _forget(batch, [r.id for r in batch.region.records.values() if not r.is_live and not r.was_removed])
        return
    changed = [record for record in batch.region.records.values() if _is_compared_anew(batch, matcher, record)]
    if not changed:
        return
    before = await stored(batch, matcher, [r.id for r in changed if not r.is_new])
    after = {r.id: of_today(batch, matcher, r) for r in changed if r.is_live}
    gained, lost = _moves(changed, before, after)
    caps = dict.fromkeys((t for each in (*before.values(), *after.values()) for t in each.tokens), matcher.max_holders)
    await locks.take_counted(batch.tx, caps, lost={token for token, _ in lost}, counting=_matching)
    carried = await locks.counts(batch.tx, caps, _matching)
    if lost:
        await _matching.run(batch.tx, "drop_keys", **arrays(lost, "tokens record_ids"))
    if gained:
        await _matching.run(batch.tx, "add_keys", **arrays(gained, "tokens record_ids"))
    await keep(batch, matcher, after, [r.id for r in changed if r.id in before and r.id not in after])
    crossed = await crossing(batch, matcher.max_holders, carried, gained, lost)
    await pairs.rescore(batch, matcher, {r.id for r in changed}, after, crossed)


async def _forget(batch: Batch, ids: list[int]) -> None:
    """Leave nothing of records that go while matching is off: nobody would look at them again when it is on. No key is
    locked, for nobody meets under one meanwhile."""
    known = await _matching.rows(batch.tx, "features", ids=ids) if ids else []
    if not known:
        return
    held = [(token, row["record_id"]) for row in known for token in row["tokens"]]
    gone = [(row["a"], row["b"]) for row in await _matching.rows(batch.tx, "pairs_of", ids=ids)]
    if held:
        await _matching.run(batch.tx, "drop_keys", **arrays(held, "tokens record_ids"))
    if gone:
        await _matching.run(batch.tx, "drop_pairs", **arrays(gone, "firsts seconds"))
    await _matching.run(batch.tx, "drop_features", ids=ids)


def _is_compared_anew(batch: Batch, matcher: Matcher, record: Record) -> bool:
    return (
        batch.refreshing
        or record.is_new
        or record.is_live == record.was_removed
        or matcher.compared(record.state, record.identifiers) != record.compared_before
    )


def _moves(
    changed: Iterable[Record], before: Mapping[int, Known], after: Mapping[int, Known]
) -> tuple[list[Move], list[Move]]:
    """The keys that records gain, and those that they lose."""
    gained: list[Move] = []
    lost: list[Move] = []
    for record in changed:
        was = before[record.id].tokens if record.id in before else frozenset()
        now = after[record.id].tokens if record.id in after else frozenset()
        gained += [(token, record.id) for token in now - was]
        lost += [(token, record.id) for token in was - now]
    return gained, lost
