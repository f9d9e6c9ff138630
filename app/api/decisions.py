"""`/v1/decisions`: what people said of two records. Made, listed, and taken back."""

import re
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from app.api.answers import answer
from app.api.decision_shapes import DecisionIn, DecisionShape, RulingShape, decision_json, ruling_json
from app.api.deps import Principal, Rt, Tx, Who, needs
from app.api.pages import DEFAULT_LIMIT, Cursor, Limit, Page, cursor_of, position_of
from app.api.profile_shapes import MAX_VALUE
from app.api.ruled import ruled
from app.api.strict import StrictRoute
from app.core.crypto.keyring import Keyring
from app.core.errors import Fault, NotFound, Refused
from app.core.tokens.scopes import REVIEW_WRITE
from app.domain import decide, decisions, keys, lookup, source_records
from app.domain.decisions import NEWEST
from app.domain.profiles import RecordName

router = APIRouter(prefix="/v1/decisions", tags=["review"], route_class=StrictRoute)

LIST = "decisions"
Id = Annotated[str, Path(max_length=512, description="A decision's id.")]
OfProfile = Annotated[
    str | None, Query(max_length=512, description="Only those on records that this profile holds now.")
]
OfSource = Annotated[str | None, Query(max_length=512, description="With `key`: only those on this record.")]
OfKey = Annotated[str | None, Query(max_length=MAX_VALUE)]
OfAct = Annotated[str | None, Query(max_length=512, description="Only those that were made in this act.")]
Standing = Annotated[bool | None, Query(description="Those that stand, or those that were revoked; both if left out.")]


@router.post(
    "",
    status_code=201,
    response_model=RulingShape,
    responses={200: {"model": RulingShape, "description": "This verdict stands already."}},
    openapi_extra=needs(REVIEW_WRITE),
    summary="Decide on two records",
)
async def post_decision(said: DecisionIn, who: Who, rt: Rt) -> Response:
    """That they are the same person, or different people. It outranks every other reason and is followed at once; one
    that another decision stands against is kept, and `effect` and `because` say so. The answer has `a` and `b` as they
    were sent; elsewhere the older record comes first."""
    who.need(REVIEW_WRITE)
    ruling = await ruled(
        who,
        rt,
        lambda tx, keyring: decide.decide(
            tx, keyring, said.verdict, said.a.name, said.b.name, by=who.subject, now=rt.now(), reason=said.reason
        ),
    )
    decided = ruling_json(who.ids, ruling)
    if ruling.decisions[0].a.name != said.a.name:
        decided |= {"a": decided["b"], "b": decided["a"]}
    return answer(decided, 201 if ruling.decided else 200)


@router.get("", response_model=Page[DecisionShape], openapi_extra=needs(REVIEW_WRITE), summary="List decisions")
async def list_decisions(
    who: Who,
    rt: Rt,
    profile: OfProfile = None,
    source: OfSource = None,
    key: OfKey = None,
    act: OfAct = None,
    standing: Standing = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Newest first, revoked ones included."""
    who.need(REVIEW_WRITE)
    before = _place(position_of(LIST, cursor))
    act_id = None if act is None else (who.ids.decode(act) or 0)
    async with rt.begin(who.workspace_id) as tx:
        keyring = await keys.keyring(rt, tx)
        of = await _records(who, tx, keyring, profile, source, key)
        found = await decisions.page(
            tx, keyring, before=before, many=limit, standing=standing, act_id=act_id, record_ids=of
        )
    more = cursor_of(LIST, str(found[-1].id)) if len(found) == limit else None
    return answer({"items": [decision_json(who.ids, each) for each in found], "next_cursor": more})


@router.get("/{id}", response_model=DecisionShape, openapi_extra=needs(REVIEW_WRITE), summary="One decision")
async def get_decision(id: Id, who: Who, rt: Rt) -> Response:
    """With what it does now, and who took it back."""
    who.need(REVIEW_WRITE)
    async with rt.begin(who.workspace_id) as tx:
        found = await decisions.one(tx, await keys.keyring(rt, tx), who.ids.decode(id))
    return answer(decision_json(who.ids, found))


@router.delete("/{id}", response_model=RulingShape, openapi_extra=needs(REVIEW_WRITE), summary="Take a decision back")
async def delete_decision(
    id: Id,
    who: Who,
    rt: Rt,
    act: Annotated[bool, Query(description="All decisions that were made in the same act: a whole split.")] = False,
) -> Response:
    """The people are as if it had never been made; it is kept as history. Again answers the same and does nothing."""
    who.need(REVIEW_WRITE)
    number = who.ids.decode(id)
    ruling = await ruled(
        who, rt, lambda tx, keyring: decide.revoke(tx, keyring, number, by=who.subject, now=rt.now(), whole=act)
    )
    return answer(ruling_json(who.ids, ruling))


def _place(position: str | None) -> int:
    if position is None:
        return NEWEST
    if not re.fullmatch(r"[0-9]{1,19}", position) or int(position) > NEWEST:
        raise Refused("Take the cursor from the page before, or leave it out.", code="bad_cursor")
    return int(position)


async def _records(
    who: Principal, tx: Tx, keyring: Keyring, profile: str | None, source: str | None, key: str | None
) -> list[int] | None:
    """The records to which a list is narrowed; None for all."""
    if (source is None) != (key is None) or (source is not None and profile is not None):
        fault = Fault("/key", "incomplete", "A record is named by its source and its key, and is in one profile.")
        raise Refused("Ask for a profile, or for a record by source and key.", code="incomplete", faults=[fault])
    if source is not None and key is not None:
        name = RecordName(source, key)
        return [record.id for record in (await source_records.by_names(tx, keyring, (name,))).values()]
    if profile is None:
        return None
    number = who.ids.decode(profile)
    if number is None:
        raise NotFound(lookup.NOBODY)
    return await decisions.records_of_profile(tx, (await lookup.get(tx, keyring, number, proof=False)).id)
