"""`/v1/models`: the matching models of a workspace, what each compares and what every agreement says."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from app.api.deps import Rt, Who, needs
from app.api.pages import Cursor, Page, number_of, page
from app.api.strict import StrictRoute
from app.core.tokens.scopes import REVIEW_WRITE
from app.domain import keys, models, policies
from app.domain.models import Version
from app.identity.matching.model import Comparison
from app.identity.policy import Matching

router = APIRouter(prefix="/v1/models", tags=["definitions"], route_class=StrictRoute)

LIST = "models"
NEWEST = 2**31 - 1
EXAMPLE: dict[str, Any] = {
    "version": 1,
    "origin": "adapted",
    "created_at": "2026-11-24T09:00:00Z",
    "automatic": 20.5,
    "review": 14.25,
    "in_force": True,
}
BIRTHDAY: dict[str, Any] = {
    "name": "birthday",
    "rare_says_more": False,
    "levels": [
        {"label": "same", "bits": 13.75},
        {"label": "a slip of the hand away", "bits": 6.0},
        {"label": "another", "bits": -4.75},
    ],
}

Many = Annotated[int, Query(ge=1, le=50, description="Items a page holds at most.")]
Number = Annotated[int, Path(ge=0, le=NEWEST, description="0 is the shipped one.")]


class ModelShape(BaseModel):
    """A version of the model. Scores are log2 Bayes factors."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    version: int = Field(description="0 is the shipped one; `matching.model` of the policy names one of these.")
    origin: str = Field(description="`shipped`, or how it was trained.")
    created_at: datetime | None = Field(description="Null for the shipped one.")
    automatic: float = Field(description="Its own threshold for links without a person; the policy may set another.")
    review: float = Field(description="Its own threshold for pairs that a person should see.")
    in_force: bool = Field(description="Whether pairs are scored by it now.")


class LevelShape(BaseModel):
    """One way in which two records can agree, and what that says for one person, or against."""

    label: str
    bits: float = Field(description="log2 of how much oftener it is seen between records of one person than of two.")


class ComparisonShape(BaseModel):
    """What is compared: its levels in order, of which the first that holds counts."""

    name: str
    rare_says_more: bool = Field(
        description="The same rare value says more, a common one less; the bits of that level are the average."
    )
    levels: list[LevelShape]


class WholeModelShape(ModelShape):
    """A model with all that it weighs. How common which name is stays sealed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE, "comparisons": [BIRTHDAY]}]})

    comparisons: list[ComparisonShape]


@router.get("", openapi_extra=needs(REVIEW_WRITE), summary="List matching models")
async def list_models(who: Who, rt: Rt, cursor: Cursor = None, limit: Many = 20) -> Page[ModelShape]:
    """The newest first, the shipped one last."""
    who.need(REVIEW_WRITE)
    before = min(number_of(LIST, cursor), NEWEST) if cursor is not None else NEWEST
    async with rt.begin(who.workspace_id) as tx:
        keyring = await keys.keyring(rt, tx)
        matching = (await policies.in_force(tx, keyring)).matching
        found = await models.page(tx, keyring, before=before, many=limit)
    shown = [ModelShape(**_facts(each, matching)) for each in found]
    return page(LIST, shown, limit, str(found[-1].version) if found else None)


@router.get("/{version}", openapi_extra=needs(REVIEW_WRITE), summary="One matching model")
async def get_model(version: Number, who: Who, rt: Rt) -> WholeModelShape:
    """With every comparison and level."""
    who.need(REVIEW_WRITE)
    async with rt.begin(who.workspace_id) as tx:
        keyring = await keys.keyring(rt, tx)
        matching = (await policies.in_force(tx, keyring)).matching
        found = await models.get(tx, keyring, version)
    comparisons = [_comparison(each) for each in found.model.comparisons]
    return WholeModelShape(**_facts(found, matching), comparisons=comparisons)


def _facts(held: Version, matching: Matching) -> dict[str, Any]:
    return {
        "version": held.version,
        "origin": held.origin,
        "created_at": held.created_at,
        "automatic": held.model.automatic,
        "review": held.model.review,
        "in_force": matching.on and matching.model == held.version,
    }


def _comparison(each: Comparison) -> ComparisonShape:
    levels = [LevelShape(label=level.label, bits=round(level.bits, 3)) for level in each.levels]
    return ComparisonShape(name=each.name, rare_says_more=each.frequency is not None, levels=levels)
