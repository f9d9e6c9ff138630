"""The ingest doors as OpenAPI knows them, and as they answer without the edge in front."""

from typing import Any

from fastapi import APIRouter, Request, Response

from app.api.ingest.doors import Door
from app.core.errors import NotFound

router = APIRouter(tags=["ingest"])

PROBLEM = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
EVENT: dict[str, Any] = {
    "type": "object",
    "description": "One call of the Segment specification; `userId` or `anonymousId` is needed. At most 32 KB.",
    "properties": {
        "type": {"type": "string", "enum": ["identify", "track", "page", "screen", "group", "alias"]},
        "messageId": {"type": "string", "description": "Deduplicates for ever."},
        "userId": {"type": ["string", "integer", "null"]},
        "anonymousId": {"type": ["string", "integer", "null"]},
        "event": {"type": "string"},
        "name": {"type": ["string", "null"]},
        "groupId": {"type": ["string", "integer", "null"]},
        "previousId": {"type": ["string", "integer", "null"]},
        "traits": {"type": ["object", "null"]},
        "properties": {"type": ["object", "null"]},
        "context": {"type": ["object", "null"]},
        "timestamp": {"type": "string", "format": "date-time"},
        "sentAt": {"type": "string", "format": "date-time"},
        "writeKey": {"type": "string"},
    },
}
RECORD: dict[str, Any] = {
    "type": "object",
    "required": ["key"],
    "additionalProperties": False,
    "properties": {
        "key": {"type": ["string", "integer"], "description": "The source's own key of the record."},
        "traits": {"type": "object", "description": "null clears a trait; what is absent stays."},
        "identifiers": {
            "type": "array",
            "description": "All identifiers of the record besides its traits; absent: unchanged.",
            "items": {
                "type": "object",
                "required": ["namespace", "value"],
                "properties": {"namespace": {"type": "string"}, "value": {"type": ["string", "integer"]}},
            },
        },
        "observed_at": {"type": "string", "format": "date-time", "description": "When this was true in the source."},
        "deleted": {"type": "boolean"},
        "message_id": {"type": "string"},
    },
}
RECEIPT: dict[str, Any] = {
    "type": "object",
    "required": ["accepted", "duplicates", "rejected", "batch_id"],
    "properties": {
        "accepted": {"type": "integer"},
        "duplicates": {"type": "integer"},
        "rejected": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "index": {"type": "integer"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                    "pointer": {"type": "string"},
                },
            },
        },
        "batch_id": {"type": "string"},
        "resolved": {"type": "boolean", "description": "With `?wait=resolved`: whether all are visible."},
    },
}
REFUSALS = {
    "400": {"description": "The request is no JSON, or strict mode found a fault.", **PROBLEM},
    "401": {"description": "No or an unknown key.", **PROBLEM},
    "413": {"description": "Too large.", **PROBLEM},
    "429": {"description": "Too much waits; send again after `Retry-After` seconds.", **PROBLEM},
    "503": {"description": "Not available now; send again.", **PROBLEM},
}


async def _answer(request: Request) -> Response:
    door: Door | None = request.app.state.doors.find(request.scope["path"])
    if door is None:
        raise NotFound("There is nothing under this path.")
    headers = dict(request.scope["headers"])
    status, body = await door.answer(headers, request.scope.get("query_string", b""), request.receive)
    return Response(body, status, media_type="application/json")


def _call(name: str, schema: dict[str, Any], example: dict[str, Any]) -> None:
    async def call(request: Request) -> Response:
        """200 comes after the commit. Basic auth with the write key as user name, or `writeKey` in the body."""
        return await _answer(request)

    router.add_api_route(
        f"/v1/{name}",
        call,
        methods=["POST"],
        summary=f"Segment HTTP Tracking API: {name}",
        operation_id=f"segment_{name}",
        openapi_extra={
            "security": [{"WriteKey": []}],
            "x-scope": "ingest:write",
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": schema, "example": example}},
            },
            "responses": {
                "200": {
                    "description": "Taken, and on disk.",
                    "content": {"application/json": {"example": {"success": True}}},
                },
                **REFUSALS,
            },
        },
    )


_EXAMPLES: dict[str, dict[str, Any]] = {
    "identify": {"userId": "7", "traits": {"email": "ada@example.com", "firstName": "Ada"}},
    "track": {"userId": "7", "event": "Order Completed", "properties": {"revenue": 39.9}},
    "page": {"anonymousId": "a-1", "name": "Home"},
    "screen": {"anonymousId": "a-1", "name": "Start"},
    "group": {"userId": "7", "groupId": "g-1", "traits": {"name": "Analytical Engines"}},
    "alias": {"userId": "7", "previousId": "a-1"},
}
for _name, _example in _EXAMPLES.items():
    _call(_name, EVENT, _example)
for _name in ("batch", "import"):
    _call(
        _name,
        {
            "type": "object",
            "required": ["batch"],
            "properties": {
                "batch": {"type": "array", "items": EVENT, "maxItems": 2500},
                "sentAt": {"type": "string", "format": "date-time"},
                "context": {"type": ["object", "null"]},
                "writeKey": {"type": "string"},
            },
        },
        {"batch": [{"type": "identify", **_EXAMPLES["identify"]}], "sentAt": "2026-11-20T10:00:00Z"},
    )


@router.post(
    "/v1/sources/{source}/records",
    summary="Take in records of a source",
    status_code=202,
    openapi_extra={
        "security": [{"HTTPBearer": ["ingest:write"]}],
        "x-scope": "ingest:write",
        "parameters": [
            {
                "name": "wait",
                "in": "query",
                "description": "Answer when the records are visible in their profiles.",
                "schema": {"type": "string", "enum": ["resolved"]},
            },
            {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 255}},
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"type": "array", "items": RECORD, "maxItems": 5000},
                    "example": [
                        {
                            "key": "42",
                            "traits": {"email": "ada@example.com", "first_name": "Ada"},
                            "identifiers": [{"namespace": "loyalty_card", "value": "9"}],
                            "observed_at": "2026-11-20T10:00:00Z",
                        }
                    ],
                },
                "application/x-ndjson": {
                    "schema": {"type": "string", "description": "One such object a line."},
                    "example": '{"key": "42", "traits": {"first_name": "Ada"}}\n{"key": "43", "deleted": true}\n',
                },
            },
        },
        "responses": {
            "202": {
                "description": "What was taken is on disk.",
                "content": {
                    "application/json": {
                        "schema": RECEIPT,
                        "example": {"accepted": 1, "duplicates": 0, "rejected": [], "batch_id": "Zk3vWqLmPd"},
                    }
                },
            },
            **REFUSALS,
        },
    },
)
async def post_records(source: str, request: Request) -> Response:
    """202 comes after the commit; each wrong record names itself and takes no other along."""
    return await _answer(request)
