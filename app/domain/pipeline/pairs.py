"""The scored pairs of a batch: which are compared, which are kept, and whom a change of theirs can move."""

import asyncio
import math
from collections.abc import Collection, Iterable, Mapping
from itertools import combinations

from app.core.sql import Queries, arrays
from app.domain.matching import Matcher
from app.domain.pipeline import locks
from app.domain.pipeline.batch import Batch
from app.domain.pipeline.crossing import Crossing
from app.domain.pipeline.known import Known, stored
from app.identity.cluster import on_grid

PAIRS_A_TURN = 2_000
"""Pairs scored before the event loop gets a turn: heartbeats must go on."""

_matching = Queries("matching")

NEVER = -math.inf

Two = tuple[int, int]
"""The ids of two records, the smaller first."""


async def rescore(
    batch: Batch, matcher: Matcher, changed: Collection[int], after: Mapping[int, Known], crossing: Crossing
) -> None:
    """Score what has to be compared, write what differs from what is stored, and tell the batch whom that can move."""
    wanted = _to_compare(after, crossing)
    reached = {id for token in crossing.risen for id in crossing.holders[token]}
    rows = await _matching.rows(batch.tx, "pairs_of", ids=[*changed, *reached.difference(changed)])
    held: dict[Two, float] = {(row["a"], row["b"]): row["score"] for row in rows}
    doubtful = _met_under_risen(held, changed, crossing) - wanted
    ids = {id for pair in (*wanted, *doubtful) for id in pair}
    known = {**await stored(batch, matcher, ids.difference(after)), **after} if ids else {}
    scored = await _scored(matcher, wanted, known)
    still = await _meet_elsewhere(batch, matcher, doubtful, known)
    gone = {pair for pair in held if pair not in scored and (pair in doubtful or not set(pair).isdisjoint(changed))}
    gone |= {pair for pair in wanted if pair in held and pair not in scored}
    gone -= still
    await _write(batch, matcher, gone, scored)
    # A pair of the same score as before may link under a threshold that has moved.
    for pair in gone | {pair for pair, score in scored.items() if batch.refreshing or held.get(pair) != score}:
        _tell(batch, pair, max(held.get(pair, NEVER), scored.get(pair, NEVER)), changed)


def _to_compare(after: Mapping[int, Known], crossing: Crossing) -> set[Two]:
    """Changed records with everybody they meet under a live key, and all who meet again under a fallen one."""
    wanted: set[Two] = set()
    for id, each in after.items():
        met = {other for token in each.tokens & crossing.live for other in crossing.holders[token]}
        met.discard(id)
        wanted.update((id, other) if id < other else (other, id) for other in met)
    for token in crossing.fallen:
        wanted.update(combinations(sorted(crossing.holders[token]), 2))
    return wanted


def _met_under_risen(held: Iterable[Two], changed: Collection[int], crossing: Crossing) -> set[Two]:
    """Stored pairs of unchanged records that met under a key which is beyond its limit now."""
    holders = [crossing.holders[token] for token in crossing.risen]
    return {
        (a, b)
        for a, b in held
        if a not in changed and b not in changed and any(a in each and b in each for each in holders)
    }


async def _meet_elsewhere(
    batch: Batch, matcher: Matcher, doubtful: Collection[Two], known: Mapping[int, Known]
) -> set[Two]:
    """Those of the pairs that share another live key. The keys are locked: somebody else may be about to fill one."""
    shared = {(a, b): known[a].tokens & known[b].tokens for a, b in doubtful if a in known and b in known}
    caps = dict.fromkeys({token for tokens in shared.values() for token in tokens}, matcher.max_holders)
    if not caps:
        return set()
    await locks.take_counted(batch.tx, caps, counting=_matching)
    carried = await locks.counts(batch.tx, caps, _matching)
    return {pair for pair, tokens in shared.items() if any(carried[token] <= matcher.max_holders for token in tokens)}


async def _scored(matcher: Matcher, wanted: Iterable[Two], known: Mapping[int, Known]) -> dict[Two, float]:
    """The scores at or above the review threshold."""
    floor = on_grid(min(matcher.review, matcher.automatic))
    found: dict[Two, float] = {}
    for number, (a, b) in enumerate(sorted(wanted)):
        if number % PAIRS_A_TURN == PAIRS_A_TURN - 1:
            await asyncio.sleep(0)
        one, other = known.get(a), known.get(b)
        if one is not None and other is not None:
            bits = matcher.bits(one.features, other.features)
            if on_grid(bits) >= floor:
                found[a, b] = bits
    return found


async def _write(batch: Batch, matcher: Matcher, gone: Collection[Two], scored: Mapping[Two, float]) -> None:
    if gone:
        await _matching.run(batch.tx, "drop_pairs", **arrays(sorted(gone), "firsts seconds"))
    if scored:
        rows = [(a, b, score) for (a, b), score in scored.items()]
        await _matching.run(batch.tx, "keep_pairs", model=matcher.version, **arrays(rows, "firsts seconds scores"))


def _tell(batch: Batch, pair: Two, score: float, changed: Collection[int]) -> None:
    """A pair that links, or did, can move both its records; another one only changes what waits for review."""
    if on_grid(score) >= on_grid(batch.automatic):
        batch.matched.update(pair)
    else:
        batch.matched.add(pair[1] if pair[1] in changed else pair[0])
