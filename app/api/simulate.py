"""Simulations: what another policy would change, as `?dry_run=true` answers it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any, Final, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from app.api.deps import Principal
from app.api.profile_shapes import RecordShape
from app.core.crypto.keyring import Keyring
from app.core.errors import NotFound, Refused, Unavailable
from app.core.ids import PublicIds
from app.core.runtime import Runtime
from app.core.sql import Tx
from app.domain import keys
from app.domain.bulk.difference import Difference, Reason, Sample
from app.domain.bulk.engine import Duck
from app.domain.bulk.partition import how_many, snapshot
from app.domain.bulk.simulate import simulate
from app.domain.profiles import RecordName
from app.domain.refreshes import is_under_way
from app.identity.policy import Policy

MAX_RECORDS: Final = 50_000
"""Live records of a workspace that a request may wait for; larger ones are simulated on the command line."""
MEMORY: Final = "1GB"

DryRun = Annotated[bool, Query(description="Change nothing; say what would merge and split, with samples.")]
Wanted = Callable[[Tx, Keyring], Awaitable[Policy]]

# One at a time in a process: each may take all the memory that it is given.
_turn = asyncio.Semaphore(1)

EXAMPLE: dict[str, Any] = {
    "dry_run": True,
    "records": 1200,
    "profiles": {"now": 1010, "then": 1004},
    "merges": {
        "profiles": 14,
        "into": 7,
        "samples": [
            {
                "profile": "mGv4XqKp",
                "profiles": ["mGv4XqKp", "w8RzN2bd"],
                "size": 2,
                "records": [
                    {"source": "crm", "key": "42", "profile": "mGv4XqKp"},
                    {"source": "shop", "key": "7", "profile": "w8RzN2bd"},
                ],
                "because": [
                    {
                        "a": {"source": "crm", "key": "42"},
                        "b": {"source": "shop", "key": "7"},
                        "kind": "match",
                        "namespace": None,
                        "score": 14.25,
                        "because": None,
                    }
                ],
            }
        ],
    },
    "splits": {"profiles": 1, "into": 2, "samples": []},
    "moved": 9,
    "frozen": 0,
    "refreshing": False,
}


class ReasonShape(BaseModel):
    """A link between two records."""

    a: RecordShape
    b: RecordShape
    kind: Literal["identifier", "match", "decision"]
    namespace: str | None = Field(description="Of a shared identifier.")
    score: float | None = Field(description="Of a match, in log2 Bayes factors.")
    because: str | None = Field(
        description="Why it would hold them no more: what refuses it (`veto:birthday`, `max_values:email`, ...), else "
        "`generic`, `blocked`, `below_threshold`, `not_compared` or `revoked`. Null: it would unite them."
    )


class PlacedShape(RecordShape):
    """A record and the profile among `profiles` that it is in."""

    profile: str


class SampleShape(BaseModel):
    """One profile that would be made of `profiles`, or come apart into them."""

    profile: str
    profiles: list[str] = Field(description="Of a merge: as they are. Of a split: as they would be.")
    size: int = Field(description="Its records.")
    records: list[PlacedShape] = Field(description="Some of them.")
    because: list[ReasonShape] = Field(description="Some of the links that are the reason.")


class ChangeShape(BaseModel):
    """How many profiles would become how many."""

    profiles: int
    into: int
    samples: list[SampleShape] = Field(description="The largest, at most 20.")


class CountShape(BaseModel):
    """The profiles of the workspace."""

    now: int
    then: int


class SimulationShape(BaseModel):
    """What would change; nothing has."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    dry_run: Literal[True] = True
    records: int
    profiles: CountShape
    merges: ChangeShape
    splits: ChangeShape
    moved: int = Field(description="Records that would be in another profile.")
    frozen: int = Field(description="Groups of records beyond `max_component`; they are counted as they are.")
    refreshing: bool = Field(description="Whether some profiles are of an older policy still, so that they differ too.")


async def simulation(who: Principal, rt: Runtime, wanted: Wanted) -> SimulationShape:
    """What the wanted policy would change in the workspace of who asks.

    Raises Refused for a workspace that is too large to wait for, Unavailable while another one is simulated here.
    """
    if _turn.locked():
        raise Unavailable("Another simulation is under way; ask again when it has ended.", code="busy")
    async with _turn, rt.begin(who.workspace_id) as tx:
        await snapshot(tx)
        keyring = await keys.keyring(rt, tx)
        policy = await wanted(tx, keyring)
        if await how_many(tx, MAX_RECORDS + 1) > MAX_RECORDS:
            raise Refused(
                f"This workspace has more than {MAX_RECORDS:,} records; run `cdp resolve --dry-run --policy FILE`.",
                code="too_many_records",
            )
        refreshing = await is_under_way(tx)
        try:
            found = await simulate(tx, keyring, policy, Duck(MEMORY))
        except NotFound as absent:
            raise Refused(str(absent), code="unknown_model") from absent
    return shape(found, who.ids, refreshing=refreshing)


def shape(found: Difference, ids: PublicIds, *, refreshing: bool) -> SimulationShape:
    """A difference as outsiders see it."""
    return SimulationShape(
        records=found.records,
        profiles=CountShape(now=found.profiles, then=found.then),
        merges=ChangeShape(
            profiles=found.merging, into=found.merged, samples=[_sample(each, ids) for each in found.merges]
        ),
        splits=ChangeShape(
            profiles=found.splitting, into=found.split, samples=[_sample(each, ids) for each in found.splits]
        ),
        moved=found.moved,
        frozen=found.frozen,
        refreshing=refreshing,
    )


def _sample(sample: Sample, ids: PublicIds) -> SampleShape:
    return SampleShape(
        profile=ids.encode(sample.profile),
        profiles=[ids.encode(other) for other in sample.others],
        size=sample.size,
        records=[
            PlacedShape(source=name.source, key=name.key, profile=ids.encode(part)) for name, part in sample.records
        ],
        because=[_reason(each) for each in sample.links],
    )


def _reason(link: Reason) -> ReasonShape:
    return ReasonShape.model_validate({**asdict(link), "a": _record(link.a), "b": _record(link.b)})


def _record(name: RecordName) -> dict[str, str]:
    return {"source": name.source, "key": name.key}
