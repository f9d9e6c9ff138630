"""`/v1/policy`: the identity policy in force, and its next version."""

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.api.deps import Rt, Who, needs
from app.api.pages import DEFAULT_LIMIT, Cursor, Limit, Page, number_of, page
from app.api.simulate import DryRun, SimulationShape, simulation
from app.api.strict import StrictRoute
from app.core.crypto.keyring import Keyring
from app.core.sql import Tx
from app.core.tokens.scopes import ADMIN, PROFILES_READ
from app.domain import keys, policies
from app.domain.bulk.simulate import earlier, seen
from app.domain.refreshes import is_under_way
from app.identity.policy import MAX_COMPONENT, Policy

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
    "vetoes": {
        "one_per_person": True,
        "birthday": True,
        "first_name": True,
        "weak_priority": 90,
        "birthday_margin": 4.0,
        "first_name_margin": 12.0,
    },
    "matching": {"on": True, "model": 0, "automatic": None, "review": None},
}

LIST = "policy"
Version = Annotated[int, Path(ge=1, le=2**31 - 1)]
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
    weak_priority: int = Field(90, ge=0, le=1000, description="Identifiers of at most this priority are weak links.")
    birthday_margin: float = Field(
        4.0, ge=0, le=1000, description="Bits above the automatic threshold that outweigh another date of birth."
    )
    first_name_margin: float = Field(
        12.0, ge=0, le=1000, description="Bits above the automatic threshold that outweigh another first name."
    )


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
async def put_policy(new: PolicyIn, who: Who, rt: Rt, dry_run: DryRun = False) -> PolicyOut | SimulationShape:
    """Every profile is derived again by it: links that it makes unite, links that it unmakes part.

    `?dry_run=true` says beforehand which, and changes nothing.
    """
    who.need(ADMIN)
    wanted = policies.from_body(new.version, new.model_dump(exclude={"version"}))
    if dry_run:

        async def next_one(tx: Tx, keyring: Keyring) -> Policy:
            await seen(tx, keyring, new.version)
            return wanted

        return await simulation(who, rt, next_one)
    async with rt.begin(who.workspace_id) as tx:
        held = await policies.put(tx, await keys.keyring(rt, tx), new.version, wanted, now=rt.now())
    body: dict[str, Any] = policies.to_body(held)
    return PolicyOut(version=held.version, refreshing=True, **body)


class VersionShape(BaseModel):
    """A version of the policy."""

    version: int
    created_at: datetime | None = Field(description="Null for the default policy that every workspace begins with.")


class Rollback(BaseModel):
    """Which version was seen in force, and which is to be in force again."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"version": 4, "to": 2}, {"version": 4}, {}]}
    )

    version: int | None = Field(
        None, ge=1, le=2**31 - 1, description="The version that was seen in force; 412 when it is another one by now."
    )
    to: int | None = Field(None, ge=1, le=2**31 - 1, description="An earlier version; the one before when left out.")


@router.get("/versions", openapi_extra=needs(PROFILES_READ), summary="List versions of the policy")
async def list_versions(who: Who, rt: Rt, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Page[VersionShape]:
    """The newest first."""
    who.need(PROFILES_READ)
    before = number_of(LIST, cursor) or 2**31 - 1
    async with rt.begin(who.workspace_id) as tx:
        found = await policies.versions(tx, before=min(before, 2**31 - 1), many=limit)
    shown = [VersionShape(version=version, created_at=created_at) for version, created_at in found]
    return page(LIST, shown, limit, str(found[-1][0]) if found else None)


@router.get("/versions/{version}", openapi_extra=needs(PROFILES_READ), summary="One version of the policy")
async def get_version(version: Version, who: Who, rt: Rt) -> PolicyIn:
    """As it was put."""
    who.need(PROFILES_READ)
    async with rt.begin(who.workspace_id) as tx:
        policy = await policies.at(tx, await keys.keyring(rt, tx), version)
    body: dict[str, Any] = policies.to_body(policy)
    return PolicyIn(version=version, **body)


@router.post("/rollback", openapi_extra=needs(ADMIN), summary="Put an earlier version in force again")
async def roll_back(said: Rollback, who: Who, rt: Rt, dry_run: DryRun = False) -> PolicyOut | SimulationShape:
    """As a new version. Every profile is derived again; ids are what they were.

    `?dry_run=true` says beforehand what that would change, and changes nothing.
    """
    who.need(ADMIN)
    if dry_run:
        return await simulation(who, rt, lambda tx, keyring: earlier(tx, keyring, said.version, said.to))
    async with rt.begin(who.workspace_id) as tx:
        held = await policies.roll_back(tx, await keys.keyring(rt, tx), said.version, said.to, now=rt.now())
    body: dict[str, Any] = policies.to_body(held)
    return PolicyOut(version=held.version, refreshing=True, **body)
