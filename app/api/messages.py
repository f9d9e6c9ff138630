"""`GET /v1/messages/{messageId}`: the fate of every accepted message."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from app.api.deps import Rt, Who, needs
from app.core.errors import NotFound
from app.core.tokens.scopes import INGEST_WRITE
from app.domain import fates, keys, record_batches
from app.domain.imports import rows as import_rows

router = APIRouter(prefix="/v1/messages", tags=["fate"])

MessageId = Annotated[
    str,
    Path(
        min_length=1,
        max_length=1024,
        description="An event's messageId, or `<batch_id>-<index>` or `<import_id>-<row>`.",
    ),
]


class MessageFate(BaseModel):
    """What became of a message."""

    message_id: str
    fate: Literal["applied", "duplicate", "suppressed", "quarantined", "pending", "failed"]
    reason: str | None = Field(None, description="A code, such as no_user_anon_id, where the message was not applied.")
    profile_id: str | None = None
    profile_version: int | None = Field(None, description="The version of the profile that it made, or found.")
    received_at: datetime
    settled_at: datetime | None = None

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "message_id": "b1f1c2",
                    "fate": "applied",
                    "reason": None,
                    "profile_id": "Zk3vWqLmPd",
                    "profile_version": 3,
                    "received_at": "2026-11-20T10:00:00.120Z",
                    "settled_at": "2026-11-20T10:00:00.180Z",
                }
            ]
        }
    }


@router.get("/{message_id:path}", openapi_extra=needs(INGEST_WRITE), summary="What became of a message")
async def get_message(message_id: MessageId, who: Who, rt: Rt) -> MessageFate:
    """Pending, applied with the profile and version it made, or why not."""
    who.need(INGEST_WRITE)
    if "\0" in message_id:
        raise NotFound("No such message was ever accepted here.")
    async with rt.begin(who.workspace_id) as tx:
        keyring = await keys.keyring(rt, tx)
        found = await fates.of_message(tx, keyring, message_id)
        if found is None:
            found = await record_batches.fate_of_item(tx, keyring, who.ids, message_id)
        if found is None:
            found = await import_rows.fate_of_row(tx, who.ids, message_id)
    if found is None:
        raise NotFound("No such message was ever accepted here.")
    profile_id = None if found.profile_id is None else who.ids.encode(found.profile_id)
    return MessageFate(
        message_id=message_id,
        fate=found.fate,
        reason=found.reason,
        profile_id=profile_id,
        profile_version=found.profile_version,
        received_at=found.received_at,
        settled_at=found.settled_at,
    )
