"""`GET /v1/policy`: the identity policy in force."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.api.deps import Rt, Who, needs
from app.core.tokens.scopes import PROFILES_READ
from app.domain import policies

router = APIRouter(prefix="/v1/policy", tags=["definitions"])


class NamespaceRule(BaseModel):
    """How strong a namespace is, and when one of its values stops to point at a person."""

    priority: int = Field(description="Stronger links first.")
    max_values: int = Field(description="Distinct values that one profile may hold.")
    max_records: int = Field(description="Carried by more distinct records, an identifier links nobody.")


class PolicyOut(BaseModel):
    """What the partition into profiles is a function of, beside the records."""

    version: int
    namespaces: dict[str, NamespaceRule]
    otherwise: NamespaceRule = Field(description="For a namespace without a rule of its own.")
    blocked_values: dict[str, list[str]] = Field(description="Beside the shipped list.")
    blocked_patterns: dict[str, list[str]] = Field(description="Globs, beside the shipped list.")
    max_cluster: int = Field(description="Records that one profile may hold.")


@router.get("", openapi_extra=needs(PROFILES_READ), summary="The identity policy in force")
async def get_policy(who: Who, rt: Rt) -> PolicyOut:
    """The default policy with what this workspace has changed."""
    who.need(PROFILES_READ)
    async with rt.begin(who.workspace_id) as tx:
        policy = await policies.in_force(tx)
    body: dict[str, Any] = policies.to_body(policy)
    return PolicyOut(version=policy.version, **body)
