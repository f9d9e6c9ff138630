"""What FastAPI cannot know of our OpenAPI document: problem documents, and the write key."""

from typing import Any

from fastapi import FastAPI

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457.",
    "required": ["type", "title", "status", "detail", "code", "errors"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "example": "/problems/not_found"},
        "title": {"type": "string", "example": "Not found"},
        "status": {"type": "integer", "example": 404},
        "detail": {"type": "string", "description": "A sentence that says what to do."},
        "code": {"type": "string", "description": "A stable word for programs.", "example": "not_found"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer (RFC 6901) into the request."},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
PROBLEM_ANSWER = {
    "description": "A problem document.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
WRITE_KEY = {
    "type": "http",
    "scheme": "basic",
    "description": "A source's write key as the user name, no password.",
}
_FASTAPI_OWN = ("HTTPValidationError", "ValidationError")


def install(api: FastAPI) -> None:
    """Let the app's own OpenAPI document pass through `completed`, once."""
    plain = api.openapi

    def openapi() -> dict[str, Any]:
        if api.openapi_schema is None:
            completed(plain())
        return api.openapi_schema or {}

    api.openapi = openapi  # type: ignore[method-assign]


def completed(document: dict[str, Any]) -> None:
    """Add the shared parts, and the problem answer of every operation."""
    parts = document.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    schemas["Problem"] = PROBLEM
    for name in _FASTAPI_OWN:
        schemas.pop(name, None)
    parts.setdefault("securitySchemes", {})["WriteKey"] = WRITE_KEY
    for path in document["paths"].values():
        for operation in path.values():
            answers = operation.setdefault("responses", {})
            answers.pop("422", None)
            answers["default"] = PROBLEM_ANSWER
            if "x-scope" in operation and operation.get("security") != [{"WriteKey": []}]:
                # FastAPI adds the scope beside its own bare bearer, which would be the choice of either.
                operation["security"] = [{"HTTPBearer": [operation["x-scope"]]}]
