"""`/v1/quarantine`: what was set aside. List, look, fix, replay, or discard with a reason."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import BaseModel, Field

from app.api.deps import Principal, Rt, Who, needs
from app.api.pages import DEFAULT_LIMIT, Cursor, Limit, Page, number_of, page
from app.api.strict import StrictRoute
from app.core.errors import NotFound
from app.core.tokens.scopes import INGEST_WRITE
from app.domain import keys, quarantine, sources
from app.domain.quarantine import Item
from app.domain.sources import Source

router = APIRouter(prefix="/v1/quarantine", tags=["set aside"], route_class=StrictRoute)

LIST = "quarantine"


class QuarantineItem(BaseModel):
    """One message that could not be taken as it came. Its words are not in lists: ask for it by id."""

    id: str
    source: str | None
    kind: Literal["event", "record"]
    code: str = Field(examples=["no_user_anon_id"])
    pointer: str = Field(description="JSON pointer (RFC 6901) into the message.", examples=["/userId"])
    detail: str
    state: Literal["open", "replayed", "discarded"]
    set_aside_at: datetime
    settled_at: datetime | None = None


class QuarantineMessage(QuarantineItem):
    """One message, with its words."""

    message: Any = None


class Discard(BaseModel):
    reason: Annotated[str, Field(min_length=1, max_length=1000, examples=["The till was in training mode."])]


class Replayed(BaseModel):
    id: str
    state: Literal["replayed"] = "replayed"


@router.get("", openapi_extra=needs(INGEST_WRITE), summary="List what was set aside")
async def list_quarantine(
    who: Who,
    rt: Rt,
    state: Annotated[Literal["open", "replayed", "discarded", "all"], Query()] = "open",
    code: Annotated[str | None, Query(max_length=100)] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[QuarantineItem]:
    """Oldest first."""
    who.need(INGEST_WRITE)
    after = number_of(LIST, cursor)
    code = code.replace("\0", "") if code else None
    async with rt.begin(who.workspace_id) as tx:
        names = await sources.all_sources(tx)
        found = await quarantine.page(
            tx, after=after, many=limit, state=None if state == "all" else state, code=code or None
        )
    items = [QuarantineItem(**_shown(who, each, names)) for each in found]
    return page(LIST, items, limit, str(found[-1].id) if found else None)


@router.get("/{id}", openapi_extra=needs(INGEST_WRITE), summary="One message with its words")
async def get_one(id: str, who: Who, rt: Rt) -> QuarantineMessage:
    """The words are personal data: they are shown to holders of ingest:write only."""
    who.need(INGEST_WRITE)
    async with rt.begin(who.workspace_id) as tx:
        keyring = await keys.keyring(rt, tx)
        found = await quarantine.one(tx, _number(who, id))
        words = await quarantine.message(tx, keyring, found.id)
        names = await sources.all_sources(tx)
    return QuarantineMessage(**_shown(who, found, names), message=words)


@router.put("/{id}", status_code=204, openapi_extra=needs(INGEST_WRITE), summary="Fix the words of a message")
async def fix(
    id: str, message: Annotated[Any, Body(examples=[{"type": "track", "userId": "7"}])], who: Who, rt: Rt
) -> Response:
    """Put corrected words in the place of what was refused; then replay it."""
    who.need(INGEST_WRITE)
    async with rt.begin(who.workspace_id) as tx:
        keyring = await keys.keyring(rt, tx)
        await quarantine.fix(tx, keyring, _number(who, id), message)
    return Response(status_code=204)


@router.post("/{id}/replay", status_code=202, openapi_extra=needs(INGEST_WRITE), summary="Send a message again")
async def replay(id: str, who: Who, rt: Rt, request: Request) -> Replayed:
    """Down the same road as any message; its fate is found under its first id."""
    who.need(INGEST_WRITE)
    async with rt.begin(who.workspace_id) as tx:
        keyring = await keys.keyring(rt, tx)
        await quarantine.replay(tx, keyring, _number(who, id), now=rt.now())
    await request.app.state.doorbell.ring()
    return Replayed(id=id)


@router.post("/{id}/discard", status_code=204, openapi_extra=needs(INGEST_WRITE), summary="Give a message up")
async def discard(id: str, why: Discard, who: Who, rt: Rt) -> Response:
    """With the reason of whoever decided; the words stay sealed where they are."""
    who.need(INGEST_WRITE)
    async with rt.begin(who.workspace_id) as tx:
        keyring = await keys.keyring(rt, tx)
        await quarantine.discard(tx, keyring, _number(who, id), why.reason, now=rt.now())
    return Response(status_code=204)


def _number(who: Principal, id: str) -> int:
    number = who.ids.decode(id)
    if number is None:
        raise NotFound("No such message in quarantine.")
    return number


def _shown(who: Principal, item: Item, names: dict[int, Source]) -> dict[str, Any]:
    source = names.get(item.source_id) if item.source_id is not None else None
    return {
        "id": who.ids.encode(item.id),
        "source": source.name if source is not None else None,
        "kind": item.kind,
        "code": item.code,
        "pointer": item.pointer,
        "detail": item.detail,
        "state": item.state,
        "set_aside_at": item.set_aside_at,
        "settled_at": item.settled_at,
    }
