"""Why a profile is one person: its records, the links that hold them together, and those that were refused."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from app.core.crypto.keyring import Keyring
from app.core.sql import Queries, Tx
from app.domain import because, lookup, source_records
from app.domain.contributions import contributions
from app.domain.source_records import SourceRecord
from app.identity.matching.scorer import Contribution

MAX_REFUSED = 1000
"""Refused links that an explanation names; a component of household members can have the square of its records."""

_explain = Queries("explain")


@dataclass(frozen=True, slots=True)
class Link:
    """A reason to hold two records together, the older record first. `because` is why it was refused, if it was.

    `namespace` is a shared identifier's, `score` a match's in log2 Bayes factors with its `model`, `decision_id` names
    the decision. `contributions` are what the score is made of, as the records stand.
    """

    a: SourceRecord
    b: SourceRecord
    kind: Literal["identifier", "match", "decision"]
    namespace: str | None = None
    score: float | None = None
    model: int | None = None
    decision_id: int | None = None
    because: str | None = None
    contributions: Sequence[Contribution] = ()

    @property
    def reason(self) -> str:
        """Why it would hold the two together, as a sentence."""
        return because.link(self.kind, self.namespace, self.score, self.model)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A profile's records, the oldest first, with all links among them and the refused ones to and among them."""

    profile_id: int
    version: int
    records: Sequence[SourceRecord]
    links: Sequence[Link]
    refused: Sequence[Link]
    all_refused: bool = True


async def explain(tx: Tx, keyring: Keyring, id: int | None) -> Explanation:
    """Explain the profile that an id leads to. Raises NotFound."""
    held = await lookup.get(tx, keyring, id, proof=False)
    members = await source_records.members(tx, keyring, held.id)
    known = {record.id: record for record in members}
    joined = await _explain.rows(tx, "links", ids=list(known))
    apart = await _explain.rows(
        tx,
        "refused",
        component_id=members[0].component_id if members else None,
        profile_id=held.id,
        many=MAX_REFUSED + 1,
    )
    outside = {id for row in apart for id in (row["a"], row["b"])} - known.keys()
    known |= await source_records.by_ids(tx, keyring, outside)
    links = await _contributed(tx, keyring, _links(joined, known))
    refused = await _contributed(tx, keyring, _links(apart[:MAX_REFUSED], known))
    return Explanation(held.id, held.version, members, links, refused, len(apart) <= MAX_REFUSED)


async def _contributed(tx: Tx, keyring: Keyring, links: Sequence[Link]) -> Sequence[Link]:
    """The links, those that a model has scored with what their scores are made of."""
    said = iter(
        await contributions(tx, keyring, [(each.a, each.b, each.model) for each in links if each.model is not None])
    )
    return [link if link.model is None else replace(link, contributions=next(said)) for link in links]


def _links(rows: Iterable[Mapping[str, Any]], known: Mapping[int, SourceRecord]) -> list[Link]:
    return sorted((_link(row, known) for row in rows), key=_order)


def _link(row: Mapping[str, Any], known: Mapping[int, SourceRecord]) -> Link:
    one, other = sorted((known[row["a"]], known[row["b"]]), key=lambda record: record.rank)
    return Link(
        one, other, row["kind"], row["namespace"], row["score"], row["model"], row["decision_id"], row["refused"]
    )


def _order(link: Link) -> tuple[object, ...]:
    return link.a.rank, link.b.rank, link.kind, link.namespace or ""
