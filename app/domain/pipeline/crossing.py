"""Which blocking keys bring candidates, and what a batch changes about that."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from app.core.sql import Queries
from app.domain.pipeline import locks
from app.domain.pipeline.batch import Batch
from app.domain.pipeline.locks import Token

_matching = Queries("matching")

Move = tuple[Token, int]
"""(token, record id) of a key that a record gains or loses."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """`live` keys bring candidates, `risen` ones did until this batch, `fallen` ones do again. `holders` are the
    records that carry a live key, and those that carried a risen one when it was live."""

    live: frozenset[Token]
    risen: frozenset[Token]
    fallen: frozenset[Token]
    holders: Mapping[Token, frozenset[int]]


async def crossing(
    batch: Batch, most: int, before: Mapping[Token, int], gained: Collection[Move], lost: Collection[Move]
) -> Crossing:
    """Compare the counts `before` the keys were written with those now. A key that `most` carry brings candidates."""
    now = await locks.counts(batch.tx, dict.fromkeys(before, most), _matching)
    live = frozenset(token for token, many in now.items() if many <= most)
    risen = frozenset(token for token in now if before[token] <= most < now[token])
    fallen = frozenset(token for token in live if before[token] > most)
    came: dict[Token, set[int]] = {token: set() for token in risen}
    for token, id in gained:
        if token in risen:
            came[token].add(id)
    caps = {token: most + len(came.get(token, ())) for token in live | risen}
    holders: dict[Token, set[int]] = {token: set() for token in caps}
    if caps:
        for row in await _matching.rows(batch.tx, "holders", tokens=list(caps), caps=list(caps.values())):
            holders[row["token"]].add(row["record_id"])
    for token, ids in came.items():
        holders[token] -= ids
    for token, id in lost:
        if token in risen:
            holders[token].add(id)
    return Crossing(live, risen, fallen, {token: frozenset(ids) for token, ids in holders.items()})
