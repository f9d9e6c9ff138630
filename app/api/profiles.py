"""`/v1/profiles`: golden profiles, looked up, at any version or instant, with their history and events; edited."""

import re
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import Response
from pydantic.json_schema import SkipJsonSchema

from app.api import preconditions
from app.api.answers import answer
from app.api.deps import Principal, Rt, Who, needs
from app.api.pages import Cursor, Page, cursor_of, position_of
from app.api.preconditions import allowed_versions, is_known
from app.api.profile_shapes import (
    EventShape,
    LookupsShape,
    PatchShape,
    ProfileShape,
    ProfilesShape,
    VersionShape,
    event_json,
    profile_json,
    version_json,
)
from app.api.strict import StrictRoute
from app.core.errors import Fault, NotFound, Refused, Stale
from app.core.tokens.scopes import PROFILES_READ, PROFILES_WRITE
from app.domain import contention, edits, events, history, keys, lookup
from app.domain.deliveries import EPOCH, instant, micros, read_time
from app.domain.edits import Redirected
from app.domain.profiles import Profile

router = APIRouter(prefix="/v1/profiles", tags=["profiles"], route_class=StrictRoute)

NO_VERSION = "This profile has no such version; list them under /versions."
_EVENT_PLACE = re.compile(r"(-?[0-9]{1,18})\.([0-9]{1,19})")
_OLDEST, _NEWEST = micros(datetime.min.replace(tzinfo=EPOCH.tzinfo)), micros(datetime.max.replace(tzinfo=EPOCH.tzinfo))

Id = Annotated[str, Path(max_length=512, description="A profile's id; one that was merged away leads to the survivor.")]
Verbose = Annotated[bool, Query(description="Each trait with its source, key, observed_at and rule.")]
Limit = Annotated[int, Query(ge=1, le=history.MAX_PAGE, description="Items a page holds at most.")]
Follow = Annotated[bool, Query(description="false: the versions of this very id, though it was merged away.")]
At = Annotated[
    str | None,
    Query(
        max_length=64, description="What this id answered at an ISO 8601 instant.", examples=["2026-11-20T10:00:00Z"]
    ),
]


@router.post(
    "/lookup", response_model=ProfilesShape, openapi_extra=needs(PROFILES_READ), summary="Look up many profiles"
)
async def look_up(asked: LookupsShape, who: Who, rt: Rt, verbose: Verbose = False) -> Response:
    """By identifier, source record or id, mixed: up to 1,000, answered in the order asked, null where nobody is known.

    Identifiers are in the body, so that none stands in a log of URLs.
    """
    who.need(PROFILES_READ)
    wanted = [each.by(who.ids) for each in asked.lookups]
    async with rt.begin(who.workspace_id) as tx:
        keyring = await keys.keyring(rt, tx)
        found = iter(await lookup.lookup(tx, keyring, [by for by in wanted if by is not None]))
    profiles = [next(found) if by is not None else None for by in wanted]
    return answer({"profiles": [p and profile_json(who.ids, p, verbose=verbose) for p in profiles]})


@router.get(
    "/{id}",
    response_model=ProfileShape,
    responses={304: {"description": "The caller holds this version already."}},
    openapi_extra=needs(PROFILES_READ),
    summary="One profile",
)
async def get_profile(
    id: Id,
    who: Who,
    rt: Rt,
    verbose: Verbose = False,
    at: At = None,
    if_none_match: Annotated[
        str | SkipJsonSchema[None], Header(json_schema_extra={"pattern": preconditions.PATTERN})
    ] = None,
) -> Response:
    """The golden profile, now or at an instant. Its ETag is its version."""
    who.need(PROFILES_READ)
    moment = _moment(at)
    number = who.ids.decode(id)
    async with rt.begin(who.workspace_id) as tx:
        keyring = await keys.keyring(rt, tx)
        found = await lookup.get(tx, keyring, number)
        if moment is not None:
            assert number is not None
            then = await history.at(tx, keyring, number, found.id, moment)
            if then is None:
                raise NotFound("There was no such profile at that time.")
            return answer(profile_json(who.ids, then, verbose=verbose))
    tag = _tag(who, number, found)
    # Where a value came from can change without a new version, so the verbose answer is always given.
    if not verbose and is_known(if_none_match, tag):
        return Response(status_code=304, headers={"ETag": f'"{tag}"'})
    return answer(profile_json(who.ids, found, verbose=verbose), headers={"ETag": f'"{tag}"'})


@router.patch(
    "/{id}", response_model=ProfileShape, openapi_extra=needs(PROFILES_WRITE), summary="Change traits by hand"
)
async def patch_profile(
    id: Id,
    change: PatchShape,
    who: Who,
    rt: Rt,
    verbose: Verbose = False,
    if_match: Annotated[
        str | SkipJsonSchema[None],
        Header(
            description='The version that the caller has seen, `"7"`; 412 when it is not current.',
            json_schema_extra={"pattern": preconditions.PATTERN},
        ),
    ] = None,
) -> Response:
    """Set traits, or clear them with null. The change is a record of the source `edits`: it has its history and its
    provenance, and a source that says something newer later is believed again, by the trait's rule."""
    who.need(PROFILES_WRITE)
    versions = allowed_versions(if_match)
    number = who.ids.decode(id)

    async def once() -> Profile:
        async with rt.begin(who.workspace_id) as tx:
            keyring = await keys.keyring(rt, tx)
            return await edits.edit(tx, keyring, number, change.traits, versions=versions, now=rt.now())

    try:
        edited = await contention.retried(once)
    except Redirected as led:
        survivor = who.ids.encode(led.survivor)
        raise Stale(f"This profile was merged into {survivor}; read that one and change it there.") from led
    tag = _tag(who, number, edited)
    return answer(profile_json(who.ids, edited, verbose=verbose), headers={"ETag": f'"{tag}"'})


@router.get(
    "/{id}/versions",
    response_model=Page[VersionShape],
    openapi_extra=needs(PROFILES_READ),
    summary="A profile's history",
)
async def list_versions(
    id: Id, who: Who, rt: Rt, cursor: Cursor = None, limit: Limit = 50, follow: Follow = True
) -> Response:
    """What changed, when and why, newest first."""
    who.need(PROFILES_READ)
    async with rt.begin(who.workspace_id) as tx:
        keyring = await keys.keyring(rt, tx)
        held = _held(who, id, follow, await lookup.get(tx, keyring, who.ids.decode(id), proof=False))
        name = f"versions/{held}"
        before = version_place(position_of(name, cursor))
        changes, going_on = await history.page(tx, keyring, held, before=before, many=limit)
    items = [version_json(who.ids, change) for change in changes]
    return answer({"items": items, "next_cursor": None if going_on is None else cursor_of(name, str(going_on))})


@router.get(
    "/{id}/versions/{version}",
    response_model=ProfileShape,
    openapi_extra=needs(PROFILES_READ),
    summary="A profile at one of its versions",
)
async def get_version(
    id: Id, version: int, who: Who, rt: Rt, verbose: Verbose = False, follow: Follow = True
) -> Response:
    """The profile as it was at that version."""
    who.need(PROFILES_READ)
    async with rt.begin(who.workspace_id) as tx:
        keyring = await keys.keyring(rt, tx)
        held = _held(who, id, follow, await lookup.get(tx, keyring, who.ids.decode(id), proof=False))
        then = await history.version(tx, keyring, held, version)
    if then is None:
        raise NotFound(NO_VERSION)
    return answer(profile_json(who.ids, then, verbose=verbose))


@router.get(
    "/{id}/events", response_model=Page[EventShape], openapi_extra=needs(PROFILES_READ), summary="A profile's events"
)
async def list_events(id: Id, who: Who, rt: Rt, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """What the person did, newest first."""
    who.need(PROFILES_READ)
    async with rt.begin(who.workspace_id) as tx:
        keyring = await keys.keyring(rt, tx)
        held = await lookup.get(tx, keyring, who.ids.decode(id), proof=False)
        name = f"events/{held.id}"
        before = event_place(position_of(name, cursor))
        found, going_on = await events.page(tx, keyring, held.id, before=before, many=limit)
    items = [event_json(event) for event in found]
    return answer({"items": items, "next_cursor": going_on and cursor_of(name, event_position(going_on))})


def event_position(place: events.Place) -> str:
    """A place among events as text, for a cursor."""
    return f"{micros(place[0])}.{place[1]}"


def event_place(position: str | None) -> events.Place | None:
    """The place that a cursor holds. Raises Refused."""
    if position is None:
        return None
    found = _EVENT_PLACE.fullmatch(position)
    if found is None or not _OLDEST <= int(found[1]) <= _NEWEST or int(found[2]) > 2**63 - 1:
        raise _bad_cursor()
    return instant(int(found[1])), int(found[2])


def version_place(position: str | None) -> int | None:
    """The version that a cursor holds. Raises Refused."""
    if position is None:
        return None
    if not re.fullmatch(r"[0-9]{1,10}", position) or int(position) > history.LAST:
        raise _bad_cursor()
    return int(position)


def _bad_cursor() -> Refused:
    fault = Fault("/cursor", "bad_cursor", "This is no cursor of this list.")
    return Refused("Take the cursor from the page before, or leave it out.", code="bad_cursor", faults=[fault])


def _held(who: Principal, id: str, follow: bool, found: Profile) -> int:
    number = who.ids.decode(id)
    return found.id if follow or number is None else number


def _tag(who: Principal, asked: int | None, found: Profile) -> str:
    """The version; under an id that was merged away also whose version, for it has had versions of its own."""
    return str(found.version) if asked == found.id else f"{found.version}.{who.ids.encode(found.id)}"


def _moment(at: str | None) -> datetime | None:
    if at is None:
        return None
    read: Any = read_time(at, None)
    if isinstance(read, Fault):
        raise Refused("Give `at` as an ISO 8601 instant.", faults=[Fault("/at", read.code, read.detail)])
    assert isinstance(read, datetime)
    return read
