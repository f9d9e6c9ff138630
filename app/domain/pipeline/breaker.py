"""The circuit breaker: a component that would outgrow its cap gets no new links.

What a batch brings is held back, not lost: the records are there, found new
people or stay with theirs, and say what they said. Their identifiers link again
when the policy changes, for then every record is looked at anew.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from app.core.sql import Queries, arrays
from app.domain.pipeline.alerts import FROZEN
from app.domain.pipeline.batch import Batch, Record
from app.domain.pipeline.nodes import node
from app.domain.pipeline.ties import Ties
from app.identity.cluster import components

_matching = Queries("matching")


async def hold_back(batch: Batch, moving: Sequence[Record], tied: Ties) -> Ties:
    """Withhold what this batch adds to components beyond `max_component`; return the ties that are left."""
    cap = batch.policy.max_component
    if len(moving) <= cap:
        return tied
    records = {record.id: record for record in moving}
    nodes = [node(r.id, r.source, r.state, r.identifiers) for r in moving]
    matches = tied.matches(batch.automatic)
    frozen: set[int] = set()
    for component in components(nodes, batch.region.generic, decisions=tied.decisions, matches=matches):
        if len(component) > cap:
            inside = [records[each.id] for each in component]
            held = _withhold(inside)
            if held or batch.matched.intersection(r.id for r in inside):
                oldest = min(inside, key=lambda r: (r.state.born, r.source.name, r.state.key))
                batch.region.alerts[FROZEN, oldest.key_token] = (None, oldest.id, len(inside))
                frozen |= {r.id for r in inside}
    return await _without_matches(batch, tied, frozen & batch.matched)


def _withhold(inside: Sequence[Record]) -> int:
    """Keep the identifiers that these records gain and share from linking; return how many there were."""
    carried: dict[object, int] = {}
    for record in inside:
        for held in record.identifiers:
            carried[held] = carried.get(held, 0) + 1
    withheld = 0
    for record in inside:
        shared = frozenset(held for held in record.identifiers - record.before if carried[held] > 1)
        if shared:
            record.state.withheld |= shared
            record.identifiers -= shared
            withheld += len(shared)
    return withheld


async def _without_matches(batch: Batch, tied: Ties, changed: Collection[int]) -> Ties:
    """Forget the pairs that these records came with."""
    dropped = [pair for pair in tied.pairs if pair.a in changed or pair.b in changed]
    if not dropped:
        return tied
    await _matching.run(batch.tx, "drop_pairs", **arrays([(p.a, p.b) for p in dropped], "firsts seconds"))
    return replace(tied, pairs=[pair for pair in tied.pairs if pair not in set(dropped)])
