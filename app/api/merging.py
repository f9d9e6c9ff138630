"""`/v1/profiles/{id}/merge` and `/split`: decisions on whole profiles, made in one act and taken back as one."""

from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from app.api import preconditions
from app.api.answers import answer
from app.api.decision_shapes import MAX_RECORDS, ActShape, Reason, RecordIn, act_json
from app.api.deps import Rt, Who, needs
from app.api.preconditions import allowed_versions
from app.api.profiles import Id
from app.api.ruled import ruled
from app.api.strict import StrictRoute
from app.core.tokens.scopes import REVIEW_WRITE
from app.domain import decide

router = APIRouter(prefix="/v1/profiles", tags=["review"], route_class=StrictRoute)

IfMatch = Annotated[
    str | SkipJsonSchema[None],
    Header(
        description='The version that the caller has seen, `"7"`; 412 when it is not current.',
        json_schema_extra={"pattern": preconditions.PATTERN},
    ),
]


class MergeIn(BaseModel):
    """The profile that is the same person."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"with": "R8vKqXw2Yd", "reason": "One person with two addresses."}]},
    )

    other: Annotated[str, Field(alias="with", max_length=512, description="A profile's id.")]
    reason: Reason = None


class SplitIn(BaseModel):
    """The records that are another person than those that stay."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"records": [{"source": "shop", "key": "1077"}], "reason": "Mother and daughter."}]
        },
    )

    records: Annotated[list[RecordIn], Field(min_length=1, max_length=MAX_RECORDS)]
    reason: Reason = None


@router.post(
    "/{id}/merge", response_model=ActShape, openapi_extra=needs(REVIEW_WRITE), summary="Merge two profiles by hand"
)
async def merge(id: Id, said: MergeIn, who: Who, rt: Rt, if_match: IfMatch = None) -> Response:
    """Decides that the oldest records of the two are the same person. The older id stays, the other one leads to it."""
    who.need(REVIEW_WRITE)
    versions = allowed_versions(if_match)
    one, other = who.ids.decode(id), who.ids.decode(said.other)
    ruling = await ruled(
        who,
        rt,
        lambda tx, keyring: decide.merge(
            tx, keyring, one, other, by=who.subject, now=rt.now(), reason=said.reason, versions=versions
        ),
    )
    return answer(act_json(who.ids, ruling))


@router.post(
    "/{id}/split", response_model=ActShape, openapi_extra=needs(REVIEW_WRITE), summary="Split a profile by hand"
)
async def split(id: Id, said: SplitIn, who: Who, rt: Rt, if_match: IfMatch = None) -> Response:
    """Decides that each record named is another person than each that stays: both get back their traits, identifiers
    and old ids, and stay apart whatever arrives. `exposure` says in which versions, and when, they were one."""
    who.need(REVIEW_WRITE)
    versions = allowed_versions(if_match)
    number, names = who.ids.decode(id), [record.name for record in said.records]
    ruling = await ruled(
        who,
        rt,
        lambda tx, keyring: decide.split(
            tx, keyring, number, names, by=who.subject, now=rt.now(), reason=said.reason, versions=versions
        ),
    )
    return answer(act_json(who.ids, ruling))
