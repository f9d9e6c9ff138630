"""Decisions and what they came to, as JSON: what goes over the wire, with examples."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.decision_examples import ACT, ASKED, DECISION, OUTCOME
from app.api.profile_shapes import MAX_VALUE, RecordShape
from app.core.ids import PublicIds
from app.domain import because
from app.domain.decide import Ruling
from app.domain.decide.exposure import Exposure
from app.domain.decisions import MAX_REASON, Decision
from app.domain.profiles import Profile, RecordName
from app.domain.source_records import SourceRecord

MAX_RECORDS = 5000
"""Records that one split may name; no profile holds more."""

Reason = Annotated[
    Annotated[str, Field(min_length=1, max_length=MAX_REASON)] | None,
    Field(description="Why, for whoever looks later; kept sealed.", examples=["She said so on the telephone."]),
]
Because = Annotated[str | None, Field(description="Why it could not be followed.", examples=["different"])]
Effect = Annotated[
    Literal["applied", "refused"] | None,
    Field(description="Whether the people are as decided; null once revoked.", examples=["applied"]),
]


class RecordIn(BaseModel):
    """A source record, by its source's name and its key there."""

    model_config = ConfigDict(extra="forbid")

    source: Annotated[str, Field(max_length=512, examples=["crm"])]
    key: Annotated[str, Field(max_length=MAX_VALUE, examples=["42"])]

    @property
    def name(self) -> RecordName:
        return RecordName(self.source, self.key)


class SideShape(RecordShape):
    """A record, and the profile that it is in now; null where its source has deleted it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"source": "crm", "key": "42", "profile_id": "Zk3vWqLmPd"}]}
    )

    profile_id: str | None


class DecisionIn(BaseModel):
    """Two records, and whether they are the same person."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [ASKED]},
    )

    verdict: Literal["same", "different"]
    a: RecordIn
    b: RecordIn
    reason: Reason = None


class VerdictIn(BaseModel):
    """What a person says of a pair that waits."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"verdict": "same", "reason": "One phone."}]}
    )

    verdict: Literal["same", "different"]
    reason: Reason = None


class DecisionShape(BaseModel):
    """A verdict on two records, what it does now, and who made it. Revoked ones are kept."""

    model_config = ConfigDict(json_schema_extra={"examples": [DECISION]})

    id: str
    act_id: str = Field(description="Shared by all decisions of one act: a split makes one for each pair.")
    verdict: Literal["same", "different"]
    a: SideShape
    b: SideShape
    effect: Effect
    because: Because
    detail: str | None = Field(description="`because` as a sentence.")
    reason: str | None
    origin: Literal["decision", "review", "merge", "split"]
    decided_by: str
    decided_at: datetime
    revoked_by: str | None
    revoked_at: datetime | None


class ProfileNow(BaseModel):
    """A profile as it is after the act."""

    id: str
    version: int
    records: list[RecordShape]


class SpanShape(BaseModel):
    """Versions of a profile, first to last, in which it held records of people who are two."""

    profile_id: str
    first_version: int
    last_version: int
    from_: datetime = Field(alias="from")
    until: datetime = Field(description="Not included.")


class UseShape(BaseModel):
    """Something that went out and was made of such a version."""

    kind: str
    name: str
    profile_id: str
    version: int
    at: datetime


class ExposureShape(BaseModel):
    """Where people who were parted had been one, and what is recorded to have used it."""

    spans: list[SpanShape]
    uses: list[UseShape]


class OutcomeShape(BaseModel):
    """What an act did."""

    decided: int = Field(description="Decisions that this act made; 0 when they stood already.")
    revoked: int = Field(description="Decisions that this act took back.")
    profiles: list[ProfileNow] = Field(description="Those that hold the records, or were changed; at most 100.")
    exposure: ExposureShape
    contradicts: list[str] = Field(description="Standing decisions that cannot hold together with it.")


class RulingShape(OutcomeShape, DecisionShape):
    """A decision, and what making it or taking it back did."""

    model_config = ConfigDict(json_schema_extra={"examples": [DECISION | OUTCOME]})


class ActShape(OutcomeShape):
    """What a merge or a split came to."""

    model_config = ConfigDict(json_schema_extra={"examples": [ACT]})

    act_id: str = Field(description="Revoke the whole act with `DELETE /v1/decisions/{id}?act=true`.")
    effect: Effect
    because: Because
    detail: str | None
    decisions: list[DecisionShape] = Field(description="At most the first 100; all are under `/v1/decisions?act=`.")


def side_json(ids: PublicIds, record: SourceRecord) -> dict[str, Any]:
    profile_id = None if record.profile_id is None else ids.encode(record.profile_id)
    return {"source": record.source.name, "key": record.state.key, "profile_id": profile_id}


def decision_json(ids: PublicIds, decision: Decision) -> dict[str, Any]:
    """A decision in the contract's shape."""
    return {
        "id": ids.encode(decision.id),
        "act_id": ids.encode(decision.act_id),
        "verdict": decision.verdict,
        "a": side_json(ids, decision.a),
        "b": side_json(ids, decision.b),
        **_effect(decision.applied, decision.because),
        "reason": decision.reason,
        "origin": decision.origin,
        "decided_by": decision.decided_by,
        "decided_at": decision.decided_at,
        "revoked_by": decision.revoked_by,
        "revoked_at": decision.revoked_at,
    }


def ruling_json(ids: PublicIds, ruling: Ruling) -> dict[str, Any]:
    """The one decision of an act, and what it did."""
    return decision_json(ids, ruling.decisions[0]) | _outcome(ids, ruling)


def act_json(ids: PublicIds, ruling: Ruling) -> dict[str, Any]:
    """An act on whole profiles."""
    unfollowed = ruling.unfollowed
    return {
        "act_id": ids.encode(ruling.act_id),
        **_effect(unfollowed is None, None if unfollowed is None else unfollowed.because),
        "decisions": [decision_json(ids, each) for each in ruling.decisions],
        **_outcome(ids, ruling),
    }


def _effect(applied: bool | None, why: str | None) -> dict[str, Any]:
    effect = None if applied is None else "applied" if applied else "refused"
    return {"effect": effect, "because": why, "detail": None if why is None else because.refusal(why)}


def _outcome(ids: PublicIds, ruling: Ruling) -> dict[str, Any]:
    return {
        "decided": ruling.decided,
        "revoked": ruling.revoked,
        "profiles": [_now(ids, profile) for profile in ruling.profiles],
        "exposure": _exposure(ids, ruling.exposure),
        "contradicts": [ids.encode(each) for each in ruling.contradicts],
    }


def _now(ids: PublicIds, profile: Profile) -> dict[str, Any]:
    records = [{"source": r.source, "key": r.key} for r in profile.records]
    return {"id": ids.encode(profile.id), "version": profile.version, "records": records}


def _exposure(ids: PublicIds, exposure: Exposure) -> dict[str, Any]:
    return {
        "spans": [
            {
                "profile_id": ids.encode(span.profile_id),
                "first_version": span.first_version,
                "last_version": span.last_version,
                "from": span.since,
                "until": span.until,
            }
            for span in exposure.spans
        ],
        "uses": [
            {
                "kind": use.kind,
                "name": use.name,
                "profile_id": ids.encode(use.profile_id),
                "version": use.version,
                "at": use.at,
            }
            for use in exposure.uses
        ],
    }
