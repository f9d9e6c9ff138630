"""`/v1/policy`: the identity policy in force, and its next version."""

from typing import Annotated, Any, Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.api.deps import Rt, Who, needs
from app.api.strict import StrictRoute
from app.core.tokens.scopes import ADMIN, PROFILES_READ
from app.domain import keys, policies
from app.domain.refreshes import is_under_way
from app.identity.policy import MAX_COMPONENT

router = APIRouter(prefix="/v1/policy", tags=["definitions"], route_class=StrictRoute)

MAX_BLOCKED = 10_000
EXAMPLE: dict[str, Any] = {
    "version": 1,
    "namespaces": {"loyalty_card": {"priority": 70, "max_values": 3, "max_records": 20}},
    "otherwise": {"priority": 50, "max_values": 10, "max_records": 50},
    "blocked_values": {"email": ["nobody@example.com"]},
    "blocked_patterns": {"loyalty_card": ["TEST-*"]},
    "max_cluster": 500,
    "max_component": 2000,
    "vetoes": {"one_per_person": True, "birthday": True, "first_name": True, "weak_priority": 60, "weak_score": 20.0},
    "matching": {"on": True, "model": 0, "automatic": None, "review": None},
}

Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,62}$")]
Blocked = Annotated[list[Annotated[str, Field(min_length=1, max_length=512)]], Field(max_length=MAX_BLOCKED)]


class NamespaceRule(BaseModel):
    """How strong a namespace is, and when one of its values stops to point at a person."""

    model_config = ConfigDict(extra="forbid")

    priority: int = Field(ge=0, le=1000, description="Stronger links first.")
    max_values: int = Field(ge=1, le=1000, description="Distinct values that one profile may hold.")
    max_records: int = Field(ge=1, le=1000, description="Carried by more records, an identifier links nobody.")


class Vetoes(BaseModel):
    """What keeps two records apart although a link would join them."""

    model_config = ConfigDict(extra="forbid")

    one_per_person: bool = Field(True, description="Two records of a source that keeps one for each person.")
    birthday: bool = Field(True, description="Dates of birth that differ by more than a typing error.")
    first_name: bool = Field(True, description="First names that are no form of each other, where the link is weak.")
    weak_priority: int = Field(60, ge=0, le=1000, description="Identifiers of at most this priority are weak links.")
    weak_score: float = Field(20.0, ge=-100, le=1000, description="Matches that score below are weak links.")


class Matching(BaseModel):
    """Whether records without a shared identifier are compared, and from which score they are one person."""

    model_config = ConfigDict(extra="forbid")

    on: bool = True
    model: int = Field(0, ge=0, le=2**31 - 1, description="0 is the shipped model, others are trained here.")
    automatic: float | None = Field(
        None, ge=-100, le=1000, description="Linked at or above this score, in log2 Bayes factors; null: the model's."
    )
    review: float | None = Field(
        None, ge=-100, le=1000, description="Shown to a person at or above this score; null: the model's."
    )

    @model_validator(mode="after")
    def in_order(self) -> Self:
        """A pair that is linked needs no review."""
        if self.automatic is not None and self.review is not None and self.review > self.automatic:
            raise ValueError("The review threshold is at most the automatic one.")
        return self


class PolicyIn(BaseModel):
    """A whole policy: what the partition into profiles is a function of, beside the records."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    version: int = Field(ge=1, description="The version that this one follows; 412 when it is not in force any more.")
    namespaces: dict[Name, NamespaceRule] = Field(max_length=200)
    otherwise: NamespaceRule = Field(description="For a namespace without a rule of its own.")
    blocked_values: dict[Name, Blocked] = Field({}, description="Beside the shipped list.", max_length=200)
    blocked_patterns: dict[Name, Blocked] = Field({}, description="Globs, beside the shipped list.", max_length=200)
    max_cluster: int = Field(ge=1, le=5000, description="Records that one profile may hold.")
    max_component: int = Field(
        MAX_COMPONENT,
        ge=1,
        le=20_000,
        description="Records that may hang together, refused links included; beyond it new links are held back.",
    )
    vetoes: Vetoes = Vetoes()
    matching: Matching = Matching()


class PolicyOut(PolicyIn):
    """The policy in force."""

    version: int
    refreshing: bool = Field(description="Whether profiles may still be of older rules; a walk over all is under way.")


@router.get("", openapi_extra=needs(PROFILES_READ), summary="The identity policy in force")
async def get_policy(who: Who, rt: Rt) -> PolicyOut:
    """The default policy with what this workspace has changed."""
    who.need(PROFILES_READ)
    async with rt.begin(who.workspace_id) as tx:
        policy = await policies.in_force(tx, await keys.keyring(rt, tx))
        refreshing = await is_under_way(tx)
    body: dict[str, Any] = policies.to_body(policy)
    return PolicyOut(version=policy.version, refreshing=refreshing, **body)


@router.put("", openapi_extra=needs(ADMIN), summary="Put a new version of the policy in force")
async def put_policy(new: PolicyIn, who: Who, rt: Rt) -> PolicyOut:
    """Every profile is derived again by it: links that it makes unite, links that it unmakes part."""
    who.need(ADMIN)
    wanted = policies.from_body(new.version, new.model_dump(exclude={"version"}))
    async with rt.begin(who.workspace_id) as tx:
        held = await policies.put(tx, await keys.keyring(rt, tx), new.version, wanted, now=rt.now())
    body: dict[str, Any] = policies.to_body(held)
    return PolicyOut(version=held.version, refreshing=True, **body)
