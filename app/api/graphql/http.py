"""`/graphql`: GraphQL over HTTP (graphql.github.io/graphql-over-http, 2025 draft), by GET and POST.

A caller that takes `application/graphql-response+json` learns from the status
whether its request was well formed; one that takes `application/json` only gets
200 for every well-formed request, as older clients expect, with the errors in
the body. What concerns HTTP itself (authentication, media types, sizes) is
answered with problem documents.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response
from graphql import OperationType, parse
from graphql.error import GraphQLError

from app.api import errors
from app.api.deps import Rt, Who, needs
from app.api.graphql import execution
from app.api.graphql.documents import MAX_BYTES, MAX_TOKENS
from app.api.graphql.execution import Schemas
from app.api.ingest import bodies
from app.core import strictjson
from app.core.errors import Refused
from app.core.tokens.scopes import PROFILES_READ

router = APIRouter(tags=["graphql"])

MAX_BODY = 1024 * 1024
MAX_QUERY_STRING = 32 * 1024
GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
_OWN = (GRAPHQL, JSON)
_NULLABLE = {"operationName": str, "variables": dict, "extensions": dict}
_MUTATION = re.compile(r"\b(mutation|subscription)\b")

_QUERY = {
    "type": "string",
    "minLength": 1,
    "description": "A GraphQL document of at most 10 KB.",
    "example": "{ __typename }",
}
_BODY = {
    "required": True,
    "content": {
        JSON: {
            "schema": {
                "type": "object",
                "required": ["query"],
                "properties": {
                    "query": _QUERY,
                    "operationName": {"type": ["string", "null"]},
                    "variables": {"type": ["object", "null"]},
                    "extensions": {"type": ["object", "null"]},
                },
            },
            "example": {
                "query": "query ($by: ProfileBy!) { profile(by: $by) { id version firstName } }",
                "variables": {"by": {"email": "ada@example.com"}},
            },
        }
    },
}
_SHAPE = {
    "schema": {
        "type": "object",
        "properties": {"data": {"type": ["object", "null"]}, "errors": {"type": "array", "items": {"type": "object"}}},
    }
}
_ANSWERS: Mapping[int | str, dict[str, Any]] = {
    200: {"description": "The answer.", "content": {GRAPHQL: _SHAPE, JSON: _SHAPE}},
    400: {"description": "Not a well-formed request; nothing was run.", "content": {GRAPHQL: _SHAPE, JSON: _SHAPE}},
}
_PARAMETERS = [
    {"name": "query", "in": "query", "required": True, "schema": _QUERY},
    {"name": "operationName", "in": "query", "schema": {"type": "string"}},
    {"name": "variables", "in": "query", "schema": {"type": "string", "description": "A JSON object."}},
]


@router.post(
    "/graphql",
    summary="Run a GraphQL query",
    responses=dict(_ANSWERS),
    openapi_extra=needs(PROFILES_READ) | {"requestBody": _BODY},
)
async def post_graphql(request: Request, who: Who, rt: Rt) -> Response:
    """The schema is the workspace's own: every trait of its catalog is a typed, documented field of `Profile`."""
    return await _answered(request, rt, who, _sent)


@router.get(
    "/graphql",
    summary="Run a GraphQL query by its URL",
    responses=dict(_ANSWERS),
    openapi_extra=needs(PROFILES_READ) | {"parameters": _PARAMETERS},
)
async def get_graphql(request: Request, who: Who, rt: Rt) -> Response:
    """As POST; URLs are logged in many places, so keep personal values out of them."""
    return await _answered(request, rt, who, _in_url)


class _Malformed(Exception):
    """Not a GraphQL request; says why. Nothing was run."""


async def _answered(request: Request, rt: Rt, who: Who, read: Callable[[Request], Awaitable[Any]]) -> Response:
    """The answer to whatever `read` finds in the request; what it answers itself is the answer."""
    who.need(PROFILES_READ)
    media = accepted(request.headers.get("accept"))
    if media is None:
        return errors.respond(406, "not_acceptable", f"This answers {GRAPHQL} or {JSON}.")
    try:
        given = await read(request)
        if isinstance(given, Response):
            return given
        asked = _asked(given)
    except _Malformed as wrong:
        return _respond(media, {"errors": [{"message": str(wrong), "extensions": {"code": "bad_request"}}]}, 400)
    schemas: Schemas = request.app.state.schemas
    answer = await execution.run(rt, schemas, who, asked)
    return _respond(media, answer.body, 200 if answer.ran or media == JSON else 400)


async def _sent(request: Request) -> Any:
    """What a POST asks for."""
    if not _is_json_utf8(request.headers.get("content-type", "")):
        return errors.respond(415, "unsupported_media_type", "Send the request as application/json in UTF-8.")
    encoding = request.headers.get("content-encoding", "").lower().encode()
    try:
        raw = await bodies.read(request.receive, limit=MAX_BODY, encoding=encoding)
    except bodies.Disconnected:
        return Response(status_code=400)
    try:
        return strictjson.parse(raw, max_bytes=MAX_BODY)
    except Refused as error:
        raise _Malformed(f"The body is not JSON that this server takes: {error}") from error


async def _in_url(request: Request) -> Any:
    """What a GET asks for."""
    if len(request.scope["query_string"]) > MAX_QUERY_STRING:
        return errors.respond(414, "too_large", "Send a query of this length by POST.")
    try:
        given = _from_url(request.scope["query_string"])
    except (Refused, ValueError) as error:
        raise _Malformed("`variables` and `extensions` are JSON objects, and everything is UTF-8.") from error
    if _writes(given):
        return errors.respond(405, "method_not_allowed", "Only queries go by GET.", (), {"Allow": "POST"})
    return given


def accepted(header: str | None) -> str | None:
    """The media type to answer with, by the caller's preferences (RFC 9110, section 12.5.1); None when none is right.

    Between equals, and for whoever takes anything, it is application/json, as the specification has it for now.
    """
    if header is None or not header.strip():
        return JSON
    best: tuple[float, int, str] | None = None
    for place, each in enumerate(header.split(",")[:20]):
        kind, *parameters = (part.strip().lower() for part in each.split(";"))
        named = {"*/*": JSON, "application/*": JSON}.get(kind, kind)
        quality = next((_quality(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
        charset = next((p[8:].strip('"') for p in parameters if p.startswith("charset=")), "utf-8")
        if named in _OWN and quality > 0 and charset in ("utf-8", "utf8"):
            ranked = (quality, -place, named)
            best = max(best, ranked) if best is not None else ranked
    return best[2] if best is not None else None


def _quality(text: str) -> float:
    return float(text) if re.fullmatch(r"[01](?:\.[0-9]{0,3})?", text) else 0.0


def _is_json_utf8(content_type: str) -> bool:
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charset = next((p[8:].strip('"') for p in parameters if p.startswith("charset=")), "utf-8")
    return kind == JSON and charset in ("utf-8", "utf8")


def _from_url(query_string: bytes) -> dict[str, Any]:
    given: dict[str, Any] = dict(parse_qsl(query_string.decode("ascii"), keep_blank_values=True, errors="strict"))
    for name in ("variables", "extensions"):
        if given.get(name):
            given[name] = strictjson.parse(given[name].encode(), max_bytes=MAX_QUERY_STRING)
        else:
            given.pop(name, None)
    if not given.get("operationName"):
        given.pop("operationName", None)
    return given


def _writes(given: Mapping[str, Any]) -> bool:
    """Whether the operation that is asked for is a mutation. Only a text that has the word is looked at closer."""
    query = given.get("query")
    if not isinstance(query, str) or not _MUTATION.search(query) or len(query) > MAX_BYTES:
        return False
    try:
        document = parse(query, max_tokens=MAX_TOKENS)
    except (GraphQLError, RecursionError):
        return False
    return any(
        getattr(each, "operation", OperationType.QUERY) is not OperationType.QUERY for each in document.definitions
    )


def _asked(given: Any) -> execution.Request:
    if not isinstance(given, dict):
        raise _Malformed("A GraphQL request is a JSON object with a `query`.")
    if not isinstance(given.get("query"), str) or not given["query"]:
        raise _Malformed("`query` is a GraphQL document, as text.")
    for name, kind in _NULLABLE.items():
        if given.get(name) is not None and not isinstance(given[name], kind):
            raise _Malformed(f"`{name}` is {'a text' if kind is str else 'a JSON object'}, or null.")
    return execution.Request(given["query"], given.get("operationName"), given.get("variables"))


def _respond(media: str, body: dict[str, Any], status: int) -> Response:
    headers = {"Content-Type": f"{media}; charset=utf-8", "Cache-Control": "private, no-store"}
    return Response(orjson.dumps(body), status, headers)
