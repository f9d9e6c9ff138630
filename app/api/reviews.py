"""`/v1/reviews`: pairs that perhaps are one person, what is most worth a look first; decided here or as any two."""

import math
import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.answers import answer
from app.api.contributions import ContributionShape, contributions_json
from app.api.decision_shapes import RulingShape, SideShape, VerdictIn, ruling_json, side_json
from app.api.deps import Principal, Rt, Who, needs
from app.api.pages import Cursor, Page, cursor_of, position_of
from app.api.ruled import ruled
from app.api.strict import StrictRoute
from app.core.errors import Refused
from app.core.tokens.scopes import PROFILES_READ, REVIEW_WRITE
from app.domain import because, catalog, keys, reviews
from app.domain.catalog import Catalog
from app.domain.reviews import FIRST, Place, Review
from app.domain.source_records import SourceRecord

router = APIRouter(prefix="/v1/reviews", tags=["review"], route_class=StrictRoute)

LIST = "reviews"
_PLACE = re.compile(r"(-?0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4})/([0-9]{1,19})/([0-9]{1,19})")
EXAMPLE: dict[str, Any] = {
    "id": "dYg3W6WjPO",
    "worth": 6.0,
    "kind": "identifier",
    "namespace": "email",
    "score": None,
    "model": None,
    "contributions": [],
    "reason": "Both carry the same email.",
    "because": "veto:birthday",
    "detail": "Their dates of birth differ by more than a typing error.",
    "a": {
        "source": "crm",
        "key": "42",
        "profile_id": "Zk3vWqLmPd",
        "traits": {"birthday": "1990-02-01", "email": "ada@example.com", "first_name": "Ada"},
        "withheld": [],
    },
    "b": {
        "source": "shop",
        "key": "1077",
        "profile_id": "R8vKqXw2Yd",
        "traits": {"birthday": "1961-07-24", "email": "ada@example.com"},
        "withheld": [],
    },
}

Id = Annotated[str, Path(max_length=512, description="A pair's id; the same for as long as both records are there.")]
Many = Annotated[int, Query(ge=1, le=reviews.MAX_PAGE, description="Items a page holds at most.")]


class ReviewSide(SideShape):
    """A record with what it says. Sensitive traits are shown to those who may read profiles."""

    traits: dict[str, Any]
    withheld: list[str] = Field(description="Traits that this token may not see.")


class ReviewShape(BaseModel):
    """Two records, and why somebody should look at them."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: str
    worth: float = Field(description="The order of the queue: the greatest first.")
    kind: Literal["identifier", "match", "decision"]
    namespace: str | None = Field(description="The identifier that both carry.")
    score: float | None = Field(description="How alike they are, in log2 Bayes factors.")
    model: int | None = Field(description="The model that scored them.")
    contributions: list[ContributionShape] = Field(description="What the score is made of; they add up to it.")
    reason: str = Field(description="What speaks for one person, as a sentence.")
    because: str | None = Field(description="Why the link was refused; null for a score below the threshold.")
    detail: str = Field(description="Why it waits, as a sentence.")
    a: ReviewSide
    b: ReviewSide


@router.get("", response_model=Page[ReviewShape], openapi_extra=needs(REVIEW_WRITE), summary="List pairs to decide")
async def list_reviews(who: Who, rt: Rt, cursor: Cursor = None, limit: Many = 20) -> Response:
    """Pairs that nobody has decided: scored below the automatic threshold, or linked and refused."""
    who.need(REVIEW_WRITE)
    after = _place(position_of(LIST, cursor))
    async with rt.begin(who.workspace_id) as tx:
        found = await reviews.page(tx, await keys.keyring(rt, tx), after=after, many=limit)
        known = await catalog.load(tx)
    more = cursor_of(LIST, _position(found[-1].place)) if len(found) == limit else None
    return answer({"items": [_shown(who, each, known) for each in found], "next_cursor": more})


@router.get("/{id}", response_model=ReviewShape, openapi_extra=needs(REVIEW_WRITE), summary="One pair to decide")
async def get_review(id: Id, who: Who, rt: Rt) -> Response:
    """404 once it does not wait any more."""
    who.need(REVIEW_WRITE)
    async with rt.begin(who.workspace_id) as tx:
        found = await reviews.one(tx, await keys.keyring(rt, tx), who.ids.unpair(id))
        known = await catalog.load(tx)
    return answer(_shown(who, found, known))


@router.post(
    "/{id}/decide",
    status_code=201,
    response_model=RulingShape,
    responses={200: {"model": RulingShape, "description": "This verdict stands already."}},
    openapi_extra=needs(REVIEW_WRITE),
    summary="Decide a pair",
)
async def decide(id: Id, said: VerdictIn, who: Who, rt: Rt) -> Response:
    """The same as a decision on the two records, which it makes."""
    who.need(REVIEW_WRITE)
    pair = who.ids.unpair(id)
    ruling = await ruled(
        who,
        rt,
        lambda tx, keyring: reviews.settle(
            tx, keyring, pair, said.verdict, by=who.subject, now=rt.now(), reason=said.reason
        ),
    )
    return answer(ruling_json(who.ids, ruling), 201 if ruling.decided else 200)


def _position(place: Place) -> str:
    """A place in the queue as text, for a cursor: exact to the last bit of the score."""
    worth, a, b = place
    return f"{worth.hex()}/{a}/{b}"


def _place(position: str | None) -> Place:
    if position is None:
        return FIRST
    found = _PLACE.fullmatch(position)
    if found is None or max(int(found[2]), int(found[3])) > 2**63 - 1:
        raise Refused("Take the cursor from the page before, or leave it out.", code="bad_cursor")
    try:
        worth = float.fromhex(found[1])
    except OverflowError:
        worth = math.inf
    return worth, int(found[2]), int(found[3])


def _shown(who: Principal, review: Review, known: Catalog) -> dict[str, Any]:
    waits = "It scores below the threshold from which pairs are linked without a person."
    return {
        "id": who.ids.pair(*review.pair),
        "worth": review.worth,
        "kind": review.kind,
        "namespace": review.namespace,
        "score": review.score,
        "model": review.model,
        "contributions": contributions_json(review.contributions),
        "reason": because.link(review.kind, review.namespace, review.score, review.model),
        "because": review.refused,
        "detail": waits if review.refused is None else because.refusal(review.refused),
        "a": _side(who, review.a, known),
        "b": _side(who, review.b, known),
    }


def _side(who: Principal, record: SourceRecord, known: Catalog) -> dict[str, Any]:
    sees_all = not who.scopes.isdisjoint((PROFILES_READ, "admin"))
    said = {name: value for name, (_, value) in sorted(record.state.claims().items())}
    secret = [name for name in said if (trait := known.traits.get(name)) is not None and trait.class_ == "sensitive"]
    withheld = [] if sees_all else secret
    return {
        **side_json(who.ids, record),
        "traits": {name: value for name, value in said.items() if name not in withheld},
        "withheld": withheld,
    }
