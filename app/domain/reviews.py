"""Reviews: pairs that perhaps are one person and that nobody has decided, what is most worth a look first."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from app.core.crypto.keyring import Keyring
from app.core.errors import NotFound
from app.core.sql import Queries, Tx
from app.domain import decisions, source_records
from app.domain.contributions import contributions
from app.domain.decide import Ruling
from app.domain.decide.pairs import on_records
from app.domain.decisions import Pair, Verdict, pair_of
from app.domain.source_records import SourceRecord
from app.identity.matching.scorer import Contribution

MAX_PAGE = 100
SETTLED = "This pair does not wait for anybody any more."

Place: TypeAlias = tuple[float, int, int]
"""(worth, a, b) of the last pair of a page."""
FIRST: Final[Place] = (math.inf, 0, 0)

_reviews = Queries("reviews")


@dataclass(frozen=True, slots=True)
class Review:
    """A pair, the older record first, and why it waits: a `score` (in bits) below the automatic threshold, or a link
    that was refused. `pair` and `worth` are its place in the queue, `contributions` what a score is made of."""

    pair: Pair
    worth: float
    a: SourceRecord
    b: SourceRecord
    kind: Literal["identifier", "match", "decision"]
    namespace: str | None
    score: float | None
    model: int | None
    refused: str | None
    contributions: Sequence[Contribution] = ()

    @property
    def place(self) -> Place:
        return (self.worth, *self.pair)


async def page(tx: Tx, keyring: Keyring, *, after: Place = FIRST, many: int = 20) -> list[Review]:
    """The pairs after a place in the queue."""
    worth, a, b = after
    rows = await _reviews.rows(tx, "page", worth=worth, a=a, b=b, many=min(many, MAX_PAGE))
    return await _read(tx, keyring, rows)


async def one(tx: Tx, keyring: Keyring, pair: Pair | None) -> Review:
    """One pair that waits. Raises NotFound."""
    rows = await _reviews.rows(tx, "one", a=pair[0], b=pair[1]) if pair is not None else []
    for found in await _read(tx, keyring, rows):
        return found
    raise NotFound(SETTLED)


async def settle(
    tx: Tx, keyring: Keyring, pair: Pair | None, verdict: Verdict, *, by: str, now: datetime, reason: str | None
) -> Ruling:
    """Decide a pair of the queue. One that was decided so already stays so; one that nobody waits for is NotFound."""
    if pair is None or pair != pair_of(*pair):
        raise NotFound(SETTLED)
    if not await decisions.standing(tx, [pair]):
        await one(tx, keyring, pair)
    records = await source_records.by_ids(tx, keyring, pair)
    a, b = (records[id] for id in pair)
    return await on_records(tx, keyring, verdict, a, b, by=by, now=now, reason=reason, origin="review")


async def _read(tx: Tx, keyring: Keyring, rows: Sequence[Mapping[str, Any]]) -> list[Review]:
    records = await source_records.by_ids(tx, keyring, {id for row in rows for id in (row["a"], row["b"])})
    found = []
    for row in rows:
        a, b = sorted((records[row["a"]], records[row["b"]]), key=lambda record: record.rank)
        model = None if row["score"] is None else row["model"]
        why = (row["kind"], row["namespace"], row["score"], model, row["refused"])
        found.append(Review((row["a"], row["b"]), row["worth"], a, b, *why))
    said = iter(await contributions(tx, keyring, [(r.a, r.b, r.model) for r in found if r.model is not None]))
    return [each if each.model is None else replace(each, contributions=next(said)) for each in found]
