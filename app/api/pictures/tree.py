"""Where records stand in a picture: the oldest at the left, whatever hangs on it to its right.

The links that united a profile make a tree, for each of them joined two parts
that nothing had joined before. A record that no link reaches begins a tree of
its own.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.explain import Link
from app.domain.source_records import SourceRecord


@dataclass(frozen=True, slots=True)
class Place:
    """Of a record: its column, its row (between rows where it stands before several), and the link it hangs on."""

    record: SourceRecord
    column: int
    row: float
    hangs_on: Link | None = None
    parent_id: int | None = None


def places(records: Sequence[SourceRecord], links: Sequence[Link]) -> dict[int, Place]:
    """A place for each record, by id: the same for the same records and links."""
    beside: Mapping[int, list[tuple[SourceRecord, Link]]] = _beside(records, links)
    order: list[Place] = []
    seen: set[int] = set()
    for root in records:
        # The walk keeps its own stack: a chain of records may be longer than Python's.
        waiting = [Place(root, 0, 0.0)] if root.id not in seen else []
        seen.add(root.id)
        while waiting:
            at = waiting.pop()
            order.append(at)
            below = [(other, link) for other, link in beside[at.record.id] if other.id not in seen]
            seen.update(other.id for other, _ in below)
            waiting += [Place(other, at.column + 1, 0.0, link, at.record.id) for other, link in reversed(below)]
    return _in_rows(order)


def _beside(records: Sequence[SourceRecord], links: Sequence[Link]) -> Mapping[int, list[tuple[SourceRecord, Link]]]:
    """Who is linked to whom, the older first; only records that are drawn."""
    drawn = {record.id for record in records}
    beside: dict[int, list[tuple[SourceRecord, Link]]] = defaultdict(list)
    for link in links:
        if link.a.id in drawn and link.b.id in drawn:
            beside[link.a.id].append((link.b, link))
            beside[link.b.id].append((link.a, link))
    for held in beside.values():
        held.sort(key=lambda each: each[0].rank)
    return beside


def _in_rows(order: Sequence[Place]) -> dict[int, Place]:
    """A row for each leaf in the order of the walk, and for whoever stands before others the middle of theirs."""
    hanging: dict[int, list[int]] = defaultdict(list)
    for place in order:
        if place.parent_id is not None:
            hanging[place.parent_id].append(place.record.id)
    leaves = [place.record.id for place in order if place.record.id not in hanging]
    rows: dict[int, float] = {id: float(number) for number, id in enumerate(leaves)}
    for place in reversed(order):
        below = hanging.get(place.record.id)
        if below:
            rows[place.record.id] = (rows[below[0]] + rows[below[-1]]) / 2
    return {
        place.record.id: Place(place.record, place.column, rows[place.record.id], place.hangs_on, place.parent_id)
        for place in order
    }
