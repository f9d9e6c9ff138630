"""How long people who are two were one, and what used that: read from the versions of the profiles that held them."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core.sql import Queries, Tx

MAX_TURNS = 20
"""How often profiles are followed to those that they went to or came from."""
MAX_SPANS = 100
"""Spans that are told of; the newest, should there be more."""

_decisions = Queries("decisions")


@dataclass(frozen=True, slots=True)
class Span:
    """Versions of a profile, first to last, in which it held both; from `since` up to, but not at, `until`."""

    profile_id: int
    first_version: int
    last_version: int
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Use:
    """Something that went out and was made of such a version: a mail, a push to another system."""

    kind: str
    name: str
    profile_id: int
    version: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Exposure:
    """Where the two were one, oldest first, and what is recorded to have used it."""

    spans: Sequence[Span] = ()
    uses: Sequence[Use] = ()


UNSEEN = Exposure()
Record = Callable[[Tx, Sequence[Span]], Awaitable[Sequence[Use]]]
RECORDS_OF_USE: tuple[Record, ...] = ()
"""Who can tell what was sent of which version. What sends anything adds its record here."""


async def exposure(tx: Tx, sides: Collection[Collection[int]], *, until: datetime) -> Exposure:
    """When records of different `sides` were in one profile. Asked after they were parted, in the same transaction."""
    side_of = {id: number for number, side in enumerate(sides) for id in side}
    spans: list[Span] = []
    for profile_id, rows in (await _compositions(tx, side_of)).items():
        spans += _spans(profile_id, rows, side_of, until)
    spans = sorted(spans, key=lambda span: (span.since, span.profile_id, span.first_version))[-MAX_SPANS:]
    uses = [use for record in RECORDS_OF_USE for use in await record(tx, spans)] if spans else []
    return Exposure(spans, uses)


async def _compositions(tx: Tx, record_ids: Collection[int]) -> dict[int, list[Mapping[str, Any]]]:
    """Who joined and parted when, of every profile that can have held some of the records.

    A profile's id is that of one of its records, perhaps of one that has left since; those are found over the profiles
    that they came from and went to.
    """
    found: dict[int, list[Mapping[str, Any]]] = {}
    asked: set[int] = set()
    wanted = set(record_ids)
    for _ in range(MAX_TURNS):
        if not wanted:
            break
        asked |= wanted
        others: set[int] = set()
        for row in await _decisions.rows(tx, "compositions", profile_ids=sorted(wanted)):
            found.setdefault(row["profile_id"], []).append(row)
            if row["other_id"] is not None:
                others.add(row["other_id"])
        wanted = others - asked
    return found


def _spans(
    profile_id: int, rows: Sequence[Mapping[str, Any]], side_of: Mapping[int, int], until: datetime
) -> list[Span]:
    """One profile's spans from its versions, oldest first. One that is open still ends `until`."""
    found: list[Span] = []
    held: set[int] = set()
    opened: Mapping[str, Any] | None = None
    for row in rows:
        held = (held | set(row["joined"])) - set(row["parted"])
        mixed = len({side_of[id] for id in held if id in side_of}) > 1
        if mixed and opened is None:
            opened = row
        elif not mixed and opened is not None:
            found.append(Span(profile_id, opened["version"], row["version"] - 1, opened["at"], row["at"]))
            opened = None
    if opened is not None:
        found.append(Span(profile_id, opened["version"], rows[-1]["version"], opened["at"], until))
    return found
