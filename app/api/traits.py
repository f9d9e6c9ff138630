"""`/v1/traits`: the trait catalog. Every trait is a typed, documented field of the GraphQL schema."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.answers import answer
from app.api.deps import Rt, Who, needs
from app.api.graphql.names import field_name
from app.api.pages import DEFAULT_LIMIT, Cursor, Limit, Page, cursor_of, position_of
from app.api.strict import StrictRoute
from app.core.errors import Conflict, NotFound
from app.core.tokens.scopes import ADMIN, PROFILES_READ
from app.domain import catalog
from app.domain.catalog import Trait
from app.domain.normalize import TYPES
from app.domain.survivorship import RULES

router = APIRouter(prefix="/v1/traits", tags=["definitions"], route_class=StrictRoute)

LIST = "traits"
NO_TRAIT = "There is no such trait; list them with GET /v1/traits."

Name = Annotated[str, Path(max_length=512, description="A trait's name, in snake case.")]
Kind = Annotated[str, Field(json_schema_extra={"enum": sorted(TYPES)}, max_length=64)]
Rule = Annotated[str, Field(json_schema_extra={"enum": sorted(RULES)}, max_length=64)]


class TraitChange(BaseModel):
    """What a trait is to be."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"type": "money", "class": "public", "rule": "latest", "description": "What the person spent in all."}
            ]
        },
    )

    type: Kind
    class_: Literal["public", "personal", "sensitive"] = Field(
        "personal", alias="class", description="Public traits can be searched in SQL; the others are sealed at rest."
    )
    rule: Rule = Field("latest", description="Survivorship: which source's value becomes golden.")
    description: str = Field("", max_length=2000)


class TraitIn(TraitChange):
    """A trait to be."""

    name: Annotated[str, Field(min_length=1, max_length=64, examples=["lifetime_value"])]


class TraitShape(BaseModel):
    """One named, typed fact that profiles may have."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "lifetime_value",
                    "type": "money",
                    "class": "public",
                    "rule": "latest",
                    "origin": "defined",
                    "description": "What the person spent in all.",
                    "graphql_field": "lifetimeValue",
                }
            ]
        }
    )

    name: str
    type: Kind
    class_: Literal["public", "personal", "sensitive"] = Field(alias="class")
    rule: Rule
    origin: Literal["built_in", "arrived", "defined"] = Field(
        description="`arrived`: registered by itself when it first came; it is personal until somebody defines it."
    )
    description: str
    graphql_field: str = Field(description="The field of `Profile` in the GraphQL schema.")


@router.get("", response_model=Page[TraitShape], openapi_extra=needs(PROFILES_READ), summary="List the traits")
async def list_traits(who: Who, rt: Rt, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Response:
    """By name."""
    who.need(PROFILES_READ)
    after = position_of(LIST, cursor) or ""
    async with rt.begin(who.workspace_id) as tx:
        held = await catalog.load(tx)
    names = sorted(name for name in held.traits if name > after)
    items = [_shown(held.traits[name]) for name in names[:limit]]
    going_on = cursor_of(LIST, names[limit - 1]) if len(names) > limit else None
    return answer({"items": items, "next_cursor": going_on})


@router.get("/{name}", response_model=TraitShape, openapi_extra=needs(PROFILES_READ), summary="One trait")
async def get_trait(name: Name, who: Who, rt: Rt) -> Response:
    """Its type, class and rule, and where it came from."""
    who.need(PROFILES_READ)
    async with rt.begin(who.workspace_id) as tx:
        held = (await catalog.load(tx)).traits.get(name)
    if held is None:
        raise NotFound(NO_TRAIT)
    return answer(_shown(held))


@router.post("", status_code=201, response_model=TraitShape, openapi_extra=needs(ADMIN), summary="Define a trait")
async def create_trait(wanted: TraitIn, who: Who, rt: Rt) -> Response:
    """A trait of a new name. 409 when it is there already: change it with PUT."""
    who.need(ADMIN)
    async with rt.begin(who.workspace_id) as tx:
        if wanted.name in (await catalog.load(tx)).traits:
            raise Conflict("There is a trait of this name already; change it with PUT.")
        made = await catalog.define(tx, _wanted(wanted.name, wanted), now=rt.now())
    return answer(_shown(made), 201)


@router.put("/{name}", response_model=TraitShape, openapi_extra=needs(ADMIN), summary="Define or change a trait")
async def put_trait(name: Name, wanted: TraitChange, who: Who, rt: Rt) -> Response:
    """A change counts for what arrives from now on; values that are held already stay as they are."""
    who.need(ADMIN)
    async with rt.begin(who.workspace_id) as tx:
        made = await catalog.define(tx, _wanted(name, wanted), now=rt.now())
    return answer(_shown(made))


def _wanted(name: str, said: TraitChange) -> Trait:
    return Trait(name, said.type, said.class_, said.rule, description=said.description)


def _shown(trait: Trait) -> dict[str, str]:
    return {
        "name": trait.name,
        "type": trait.type,
        "class": trait.class_,
        "rule": trait.rule,
        "origin": trait.origin,
        "description": trait.description,
        "graphql_field": field_name(trait.name),
    }
