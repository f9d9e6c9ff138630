"""`/v1/alerts`: what somebody should look at before it spoils a campaign."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.deps import Principal, Rt, Who, needs
from app.api.pages import DEFAULT_LIMIT, Cursor, Limit, Page, number_of, page
from app.api.strict import StrictRoute
from app.core.tokens.scopes import REVIEW_WRITE
from app.domain import alerts, keys
from app.domain.alerts import Alert

router = APIRouter(prefix="/v1/alerts", tags=["review"], route_class=StrictRoute)

LIST = "alerts"
SENTENCES = {
    "generic_identifier": "More records carry this identifier than may; it links nobody until they are fewer. If it is "
    "a till, a kiosk or a mailbox of your own, block it in /v1/policy.",
    "component_frozen": "More records hang together than may; what is new there is held back from linking. Look for an "
    "identifier that many people share, block it in /v1/policy, and everything is looked at anew.",
}


class RecordName(BaseModel):
    source: str
    key: str


class AlertShape(BaseModel):
    """Something in the identities that a person should look at."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "9wqXK4ZbnJ",
                    "kind": "generic_identifier",
                    "namespace": "device_id",
                    "size": 9,
                    "record": {"source": "shop", "key": "order-17"},
                    "detail": SENTENCES["generic_identifier"],
                    "raised_at": "2026-11-24T09:00:00Z",
                }
            ]
        }
    )

    id: str
    kind: Literal["generic_identifier", "component_frozen"]
    namespace: str | None = Field(description="Of the identifier, where it is about one.")
    size: int = Field(description="How many records it was about when it was raised.")
    record: RecordName = Field(description="Where to begin to look.")
    detail: str = Field(description="What it means and what to do, as a sentence.")
    raised_at: datetime


@router.get("", openapi_extra=needs(REVIEW_WRITE), summary="List open alerts")
async def list_alerts(who: Who, rt: Rt, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Page[AlertShape]:
    """The oldest first. One of an identifier is settled by itself when the identifier links again."""
    who.need(REVIEW_WRITE)
    after = number_of(LIST, cursor)
    async with rt.begin(who.workspace_id) as tx:
        found = await alerts.page(tx, await keys.keyring(rt, tx), after=after, many=limit)
    return page(LIST, [_shown(who, each) for each in found], limit, str(found[-1].id) if found else None)


@router.delete("/{id}", status_code=204, openapi_extra=needs(REVIEW_WRITE), summary="Put an alert aside")
async def close_alert(id: Annotated[str, Path(max_length=64)], who: Who, rt: Rt) -> Response:
    """It is raised again when it happens again."""
    who.need(REVIEW_WRITE)
    async with rt.begin(who.workspace_id) as tx:
        await alerts.close(tx, who.ids.decode(id), now=rt.now())
    return Response(status_code=204)


def _shown(who: Principal, alert: Alert) -> AlertShape:
    return AlertShape(
        id=who.ids.encode(alert.id),
        kind=alert.kind,
        namespace=alert.namespace,
        size=alert.size,
        record=RecordName(source=alert.record.source.name, key=alert.record.state.key),
        detail=SENTENCES[alert.kind],
        raised_at=alert.raised_at,
    )
