"""Decisions: what people said of two records. Kept for ever; one verdict stands for a pair at a time.

A decision outranks every other reason to unite two records or to keep them
apart, but for a decision that says otherwise. Here they are written down and
read; app/domain/decide/ makes people of them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from app.core.crypto.keyring import Keyring
from app.core.errors import NotFound
from app.core.sql import Queries, Tx, arrays
from app.domain import source_records
from app.domain.source_records import SourceRecord

MAX_PAGE = 500
MAX_REASON = 1000
NEWEST: Final = 2**63 - 1
UNKNOWN = "There is no such decision."

Verdict: TypeAlias = Literal["same", "different"]
Origin: TypeAlias = Literal["decision", "review", "merge", "split"]
Pair: TypeAlias = tuple[int, int]
"""Two record ids, the smaller one first."""

_decisions = Queries("decisions")


@dataclass(frozen=True, slots=True)
class Act:
    """Who decides, why, when and in which way. `id` is shared by all that one act decides."""

    id: int
    origin: Origin
    by: str
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A verdict that stands for a pair."""

    id: int
    pair: Pair
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict on two records, the older one first, with what it does now: `refused` is the reason of one that cannot
    be followed."""

    id: int
    act_id: int
    a: SourceRecord
    b: SourceRecord
    verdict: Verdict
    origin: Origin
    reason: str | None
    decided_by: str
    decided_at: datetime
    revoked_by: str | None = None
    revoked_at: datetime | None = None
    refused: str | None = None

    @property
    def applied(self) -> bool | None:
        """Whether the people are as it says; None for one that was revoked."""
        if self.revoked_at is not None:
            return None
        if self.a.state.is_removed or self.b.state.is_removed:
            return False
        return (self.a.profile_id == self.b.profile_id) == (self.verdict == "same")

    @property
    def because(self) -> str | None:
        """Why a standing decision is not followed: another one, the cap of a profile, or a record that is gone."""
        if self.applied is not False:
            return None
        if self.a.state.is_removed or self.b.state.is_removed:
            return "record_removed"
        return self.refused


def pair_of(one: int, other: int) -> Pair:
    return (one, other) if one < other else (other, one)


async def new_act(tx: Tx, origin: Origin, *, by: str, reason: str | None, now: datetime) -> Act:
    return Act((await _fresh(tx, 1))[0], origin, by, now, reason)


async def standing(tx: Tx, pairs: Collection[Pair]) -> list[Standing]:
    """The verdicts that stand for some of these pairs."""
    rows = await _decisions.rows(tx, "standing", **arrays(pairs, "firsts seconds")) if pairs else []
    return [Standing(row["id"], (row["a"], row["b"]), row["verdict"]) for row in rows]


async def add(tx: Tx, keyring: Keyring, act: Act, verdict: Verdict, pairs: Collection[Pair]) -> list[int]:
    """Write a verdict on each pair, and return the ids in the order of the sorted pairs. No verdict stands for any."""
    ordered = sorted(pairs)
    ids = await _fresh(tx, len(ordered))
    rows = [(id, a, b, _sealed(keyring, id, act.reason)) for id, (a, b) in zip(ids, ordered, strict=True)]
    said = {"act_id": act.id, "verdict": verdict, "origin": act.origin, "by": act.by, "now": act.at}
    added = await _decisions.run(tx, "add", **said, **arrays(rows, "ids firsts seconds reasons"))
    assert added == len(rows), "the records are held, so nobody else decides on them"
    return ids


async def of_act(tx: Tx, id: int, *, whole: bool) -> list[tuple[int, Pair]]:
    """What stands of a decision, or with `whole` of all that were made in its act: (id, pair)."""
    rows = await _decisions.rows(tx, "of_act", id=id, whole=whole)
    return [(row["id"], (row["a"], row["b"])) for row in rows]


async def revoke(tx: Tx, ids: Collection[int], *, by: str, now: datetime) -> int:
    """Take decisions back; return how many stood. They stay as history."""
    return await _decisions.run(tx, "revoke", ids=list(ids), by=by, now=now)


async def one(tx: Tx, keyring: Keyring, id: int | None) -> Decision:
    """One decision as it stands. Raises NotFound."""
    found = await some(tx, keyring, [id]) if id is not None else []
    if not found:
        raise NotFound(UNKNOWN)
    return found[0]


async def some(tx: Tx, keyring: Keyring, ids: Sequence[int]) -> list[Decision]:
    """Those of the decisions that there are, oldest first."""
    return await _read(tx, keyring, await _decisions.rows(tx, "some", ids=list(ids)) if ids else [])


async def page(
    tx: Tx,
    keyring: Keyring,
    *,
    before: int = NEWEST,
    many: int = 50,
    standing: bool | None = None,
    act_id: int | None = None,
    record_ids: Sequence[int] | None = None,
) -> list[Decision]:
    """Decisions before `before`, newest first: all, those that stand or do not, of an act, or of some records."""
    rows = await _decisions.rows(
        tx,
        "page",
        before=before,
        many=min(many, MAX_PAGE),
        standing=standing,
        act_id=act_id,
        record_ids=None if record_ids is None else list(record_ids),
    )
    return await _read(tx, keyring, rows)


async def between(tx: Tx, verdict: Verdict, one: SourceRecord, other: SourceRecord, *, many: int) -> list[int]:
    """Decisions of a verdict that stand between the profiles that hold two records."""
    if None in (one.profile_id, other.profile_id) or one.component_id != other.component_id:
        return []
    sides = {"component_id": one.component_id, "one": one.profile_id, "other": other.profile_id}
    return [row["id"] for row in await _decisions.rows(tx, "between", verdict=verdict, many=many, **sides)]


async def records_of_profile(tx: Tx, profile_id: int) -> list[int]:
    """The ids of the records that a profile holds."""
    return [row["id"] for row in await _decisions.rows(tx, "record_ids_of_profile", id=profile_id)]


async def _fresh(tx: Tx, many: int) -> list[int]:
    return [row["id"] for row in await _decisions.rows(tx, "fresh_ids", many=many)]


def _sealed(keyring: Keyring, id: int, reason: str | None) -> bytes | None:
    return None if reason is None else keyring.seal(reason.encode(), "decisions", "reason", id)


async def _read(tx: Tx, keyring: Keyring, rows: Sequence[Mapping[str, Any]]) -> list[Decision]:
    records = await source_records.by_ids(tx, keyring, {id for row in rows for id in (row["a"], row["b"])})
    return [_decision(keyring, row, records) for row in rows]


def _decision(keyring: Keyring, row: Mapping[str, Any], records: Mapping[int, SourceRecord]) -> Decision:
    older, younger = sorted((records[row["a"]], records[row["b"]]), key=lambda record: record.rank)
    return Decision(
        row["id"],
        row["act_id"],
        older,
        younger,
        row["verdict"],
        row["origin"],
        None if row["reason"] is None else keyring.open(row["reason"], "decisions", "reason", row["id"]).decode(),
        row["decided_by"],
        row["decided_at"],
        row["revoked_by"],
        row["revoked_at"],
        row["refused"],
    )
