"""`/v1/profiles/{id}/explain`: why a profile is one person, as data and as a picture."""

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from app.api import pictures
from app.api.answers import answer
from app.api.contributions import ContributionShape, contributions_json
from app.api.decision_shapes import SideShape, side_json
from app.api.deps import Rt, Who, needs
from app.api.profile_shapes import RecordShape
from app.api.profiles import Id
from app.api.strict import StrictRoute
from app.core.ids import PublicIds
from app.core.tokens.scopes import PROFILES_READ
from app.domain import because, explain, keys
from app.domain.explain import Explanation, Link

router = APIRouter(prefix="/v1/profiles", tags=["profiles"], route_class=StrictRoute)

Form = Literal["json", "svg", "dot"]
MEDIA: dict[str, Form] = {"application/json": "json", "image/svg+xml": "svg", "text/vnd.graphviz": "dot"}
SVG = {
    # A picture that is opened by itself runs nothing and fetches nothing, whatever a key may hold.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}
PICTURES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "image/svg+xml": {"schema": {"type": "string"}},
            "text/vnd.graphviz": {"schema": {"type": "string"}},
        }
    }
}
_RANGE = re.compile(r"\s*([\w.+*-]+/[\w.+*-]+)\s*(?:;[^,]*?\bq\s*=\s*([0-9.]{1,5}))?[^,]*", re.ASCII)


class LinkShape(BaseModel):
    """A reason to hold two records together, the older record first."""

    a: SideShape
    b: SideShape
    kind: Literal["identifier", "match", "decision"]
    namespace: str | None = Field(description="Of the identifier that both carry.")
    score: float | None = Field(description="How alike they are, in log2 Bayes factors.")
    model: int | None = Field(description="The model that scored them.")
    contributions: list[ContributionShape] = Field(description="What the score is made of; they add up to it.")
    reason: str = Field(description="The same as a sentence.")
    decision_id: str | None


class RefusedShape(LinkShape):
    """A link that holds nothing together, and why not."""

    because: str = Field(description="`different`, `max_cluster`, `max_values:<namespace>` or `veto:<which>`.")
    detail: str = Field(description="The same as a sentence.")


class ExplanationShape(BaseModel):
    """The records of a profile, the oldest first, the links that hold them together, and the refused ones."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "profile_id": "Zk3vWqLmPd",
                    "version": 7,
                    "records": [{"source": "crm", "key": "42"}, {"source": "shop", "key": "1077"}],
                    "links": [
                        {
                            "a": {"source": "crm", "key": "42", "profile_id": "Zk3vWqLmPd"},
                            "b": {"source": "shop", "key": "1077", "profile_id": "Zk3vWqLmPd"},
                            "kind": "identifier",
                            "namespace": "email",
                            "score": None,
                            "model": None,
                            "contributions": [],
                            "reason": "Both carry the same email.",
                            "decision_id": None,
                        }
                    ],
                    "refused": [],
                    "all_refused": True,
                }
            ]
        }
    )

    profile_id: str
    version: int
    records: list[RecordShape]
    links: list[LinkShape]
    refused: list[RefusedShape]
    all_refused: bool = Field(description="false: there are more refused links than the 1,000 named here.")


@router.get(
    "/{id}/explain",
    response_model=ExplanationShape,
    responses=PICTURES,
    openapi_extra=needs(PROFILES_READ),
    summary="Why a profile is one person",
)
async def get_explanation(
    id: Id,
    who: Who,
    rt: Rt,
    format: Annotated[Form | None, Query(description="Else by the header Accept; json if that says nothing.")] = None,
    accept: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """As JSON, as a picture (`svg`), or as a graph for other tools (`dot`). Records go by source and key: a picture
    shows no trait and no identifier."""
    who.need(PROFILES_READ)
    async with rt.begin(who.workspace_id) as tx:
        found = await explain.explain(tx, await keys.keyring(rt, tx), who.ids.decode(id))
    vary = {"Vary": "Accept"}
    match format or wanted(accept):
        case "svg":
            return Response(pictures.svg(found, who.ids), headers=SVG | vary, media_type="image/svg+xml")
        case "dot":
            return Response(pictures.dot(found, who.ids), headers=vary, media_type="text/vnd.graphviz")
        case "json":
            return answer(explanation_json(who.ids, found), headers=vary)


def explanation_json(ids: PublicIds, found: Explanation) -> dict[str, Any]:
    """An explanation in the contract's shape."""
    return {
        "profile_id": ids.encode(found.profile_id),
        "version": found.version,
        "records": [{"source": record.source.name, "key": record.state.key} for record in found.records],
        "links": [_link(ids, link) for link in found.links],
        "refused": [_refused(ids, link) for link in found.refused],
        "all_refused": found.all_refused,
    }


def _link(ids: PublicIds, link: Link) -> dict[str, Any]:
    return {
        "a": side_json(ids, link.a),
        "b": side_json(ids, link.b),
        "kind": link.kind,
        "namespace": link.namespace,
        "score": link.score,
        "model": link.model,
        "contributions": contributions_json(link.contributions),
        "reason": link.reason,
        "decision_id": None if link.decision_id is None else ids.encode(link.decision_id),
    }


def _refused(ids: PublicIds, link: Link) -> dict[str, Any]:
    why = link.because or ""
    return _link(ids, link) | {"because": why, "detail": because.refusal(why)}


def wanted(accept: str | None) -> Form:
    """The form that an Accept header asks for most (RFC 9110, section 12.5.1); the first of equals, else JSON."""
    best: tuple[float, Form] = (0.0, "json")
    for found in _RANGE.finditer((accept or "")[:1000]):
        form = MEDIA.get(found[1].lower())
        try:
            weight = float(found[2] or 1)
        except ValueError:
            continue
        if form is not None and weight > best[0]:
            best = (weight, form)
    return best[1]
