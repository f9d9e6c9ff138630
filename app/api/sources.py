"""`/v1/sources`: the systems that send data, what they declare about their values, and their write keys."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.api.deps import Rt, Who, needs
from app.api.pages import DEFAULT_LIMIT, Cursor, Limit, Page, number_of, page
from app.api.strict import StrictRoute
from app.core.tokens.scopes import ADMIN, INGEST_WRITE
from app.domain import keys, sources
from app.domain.normalize import Declarations
from app.domain.sources import Source

router = APIRouter(prefix="/v1/sources", tags=["definitions"], route_class=StrictRoute)

LIST = "sources"
Name = Annotated[str, Path(min_length=1, max_length=63)]


class Declared(BaseModel):
    """What a source says of its values, where they can be read in more than one way."""

    model_config = ConfigDict(extra="forbid")

    region: str | None = Field(None, pattern="^[A-Z]{2}$", description="Country of telephone numbers without one.")
    zone: str | None = Field(None, max_length=64, description="Time zone of times without an offset, IANA.")
    day_first: bool | None = Field(None, description="How 03/04/1990 is read; unset: not at all.")
    currency: str | None = Field(None, pattern="^[A-Z]{3}$", description="Currency of bare amounts, ISO 4217.")
    locale: str | None = Field(None, max_length=35, description="How 1.234 is read.")

    @field_validator("zone")
    @classmethod
    def known_zone(cls, zone: str | None) -> str | None:
        """A zone nobody knows would leave every naive time unread."""
        if zone is not None and zone not in available_timezones():
            raise ValueError("A zone is a name of the IANA time zone database, such as Europe/Paris.")
        return zone


class SourceIn(BaseModel):
    """A source as it is created or changed. What is left out of a change stays."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"priority": 10, "declared": {"region": "FR"}}]}
    )

    kind: str | None = Field(None, min_length=1, max_length=40)
    priority: int | None = Field(None, ge=-1000, le=999, description="Survivorship trusts a higher one more.")
    declared: Declared | None = None
    one_per_person: bool | None = Field(
        None, description="It keeps one record for each person: two of its records are never merged."
    )


class NewSource(SourceIn):
    name: str = Field(pattern=sources.NAME.pattern, examples=["crm"])


class SourceOut(BaseModel):
    """A source. Its write key is shown only to who asks for it."""

    name: str
    kind: str
    priority: int
    declared: Declared
    one_per_person: bool
    disabled: bool
    has_key: bool
    created_at: datetime | None


class WriteKey(BaseModel):
    write_key: str


@router.get("", openapi_extra=needs(INGEST_WRITE), summary="List sources")
async def list_sources(who: Who, rt: Rt, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Page[SourceOut]:
    """Oldest first."""
    who.need(INGEST_WRITE)
    after = number_of(LIST, cursor)
    async with rt.begin(who.workspace_id) as tx:
        found = [each for id, each in sorted((await sources.all_sources(tx)).items()) if id > after][:limit]
    return page(LIST, [_shown(each) for each in found], limit, str(found[-1].id) if found else None)


@router.post("", status_code=201, openapi_extra=needs(ADMIN), summary="Create a source")
async def create_source(new: NewSource, who: Who, rt: Rt) -> SourceOut:
    """A source is also created by its first records; here it can declare how its values are to be read."""
    who.need(ADMIN)
    declared = _declared(Declarations(), new.declared)
    async with rt.begin(who.workspace_id) as tx:
        made = await sources.create(
            tx,
            new.name,
            now=rt.now(),
            kind=new.kind or "http",
            priority=new.priority or 0,
            declared=declared,
            one_per_person=new.one_per_person or False,
        )
    return _shown(made)


@router.get("/{name}", openapi_extra=needs(INGEST_WRITE), summary="One source")
async def get_source(name: Name, who: Who, rt: Rt) -> SourceOut:
    """What it declares, and whether it has a write key."""
    who.need(INGEST_WRITE)
    async with rt.begin(who.workspace_id) as tx:
        return _shown(await sources.by_name(tx, name))


@router.patch("/{name}", openapi_extra=needs(ADMIN), summary="Change a source")
async def change_source(name: Name, change: SourceIn, who: Who, rt: Rt) -> SourceOut:
    """Declarations hold for what arrives from now on."""
    who.need(ADMIN)
    async with rt.begin(who.workspace_id) as tx:
        held = await sources.by_name(tx, name)
        kind = change.kind if change.kind is not None else held.kind
        priority = change.priority if change.priority is not None else held.priority
        alone = change.one_per_person if change.one_per_person is not None else held.one_per_person
        declared = _declared(held.declared, change.declared)
        wanted = replace(held, kind=kind, priority=priority, declared=declared, one_per_person=alone)
        return _shown(await sources.declare(tx, wanted, now=rt.now()))


@router.post("/{name}/key", openapi_extra=needs(ADMIN), summary="The source's write key")
async def write_key(name: Name, who: Who, rt: Rt) -> WriteKey:
    """Made when the source has none. It may only send, and only for this source."""
    who.need(ADMIN)
    async with rt.begin(who.workspace_id) as tx:
        keyring = await keys.keyring(rt, tx)
        key = await sources.write_key(tx, keyring, await sources.by_name(tx, name))
    return WriteKey(write_key=key)


@router.delete("/{name}", status_code=204, openapi_extra=needs(ADMIN), summary="Disable a source")
async def disable_source(name: Name, who: Who, rt: Rt) -> Response:
    """It takes nothing more; what it has sent stays."""
    who.need(ADMIN)
    async with rt.begin(who.workspace_id) as tx:
        await sources.disable(tx, name, now=rt.now())
    return Response(status_code=204)


def _declared(held: Declarations, said: Declared | None) -> Declarations:
    if said is None:
        return held
    given = said.model_dump(exclude_unset=True)
    return Declarations(**{**{name: getattr(held, name) for name in Declarations.__dataclass_fields__}, **given})


def _shown(source: Source) -> SourceOut:
    declared = {name: getattr(source.declared, name) for name in Declared.model_fields}
    return SourceOut(
        name=source.name,
        kind=source.kind,
        priority=source.priority,
        declared=Declared(**declared),
        one_per_person=source.one_per_person,
        disabled=source.disabled,
        has_key=source.has_key,
        created_at=source.created_at,
    )
