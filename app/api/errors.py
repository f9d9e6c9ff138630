"""Errors as problem documents (RFC 9457): the five kinds become statuses here and nowhere else."""

import secrets
from collections.abc import Sequence
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app.core.crypto.keyring import Tampered
from app.core.errors import (
    CdpError,
    Conflict,
    Fault,
    Forbidden,
    NotFound,
    Overloaded,
    Refused,
    Stale,
    TooLarge,
    Unauthenticated,
    Unavailable,
)

STATUS: dict[type[CdpError], int] = {
    Tampered: 500,
    TooLarge: 413,
    Refused: 422,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Stale: 412,
    Conflict: 409,
    Overloaded: 429,
    Unavailable: 503,
}
TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    412: "Precondition failed",
    413: "Too large",
    415: "Unsupported media type",
    422: "Not acceptable as it is",
    429: "Too much at once",
    500: "Internal error",
    503: "Not available now",
}
MEDIA_TYPE = "application/problem+json"
MAX_FAULTS = 100
METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")

log = structlog.get_logger(__name__)


def document(status: int, code: str, detail: str, faults: Sequence[Fault] = ()) -> dict[str, Any]:
    """A problem document: `{type, title, status, detail, code, errors: [{pointer, code, detail}]}`."""
    return {
        "type": f"/problems/{code}",
        "title": TITLES.get(status, "Problem"),
        "status": status,
        "detail": detail,
        "code": code,
        "errors": [{"pointer": f.pointer, "code": f.code, "detail": f.detail} for f in faults[:MAX_FAULTS]],
    }


def respond(
    status: int, code: str, detail: str, faults: Sequence[Fault] = (), headers: dict[str, str] | None = None
) -> Response:
    body = orjson.dumps(document(status, code, detail, faults))
    return Response(body, status, headers, media_type=MEDIA_TYPE)


def status_of(error: CdpError) -> int:
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def headers_of(error: CdpError) -> dict[str, str]:
    if isinstance(error, Unavailable) and error.retry_after is not None:
        seconds = max(1, round(error.retry_after.total_seconds()))
        return {"Retry-After": str(seconds), "X-RateLimit-Reset": str(seconds)}
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": 'Bearer realm="samewise"'}
    return {}


def problem(error: CdpError) -> Response:
    """The answer to an expected error."""
    return respond(status_of(error), error.code, str(error), error.faults, headers_of(error))


def unexpected(error: Exception) -> Response:
    """The answer to an error that nobody expected: it says nothing of the error, the log finds it by its incident."""
    incident = secrets.token_hex(8)
    log.error("unexpected_error", incident=incident, error=error, exc_info=error)
    return respond(500, "internal", f"Something went wrong on our side; the log names it as incident {incident}.")


def invalid(error: RequestValidationError) -> Response:
    """A request that does not fit its schema: 422 with a pointer a fault, and never the value itself."""
    faults = [
        Fault(_pointer(each["loc"]), str(each["type"]), str(each["msg"]))
        for each in error.errors()
        if each["type"] != "json_invalid"
    ]
    if not faults:
        return respond(400, "bad_json", "The body is not valid JSON.")
    return respond(422, "invalid", "The request does not fit; see `errors` for each place.", faults)


def _pointer(loc: Sequence[int | str]) -> str:
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in loc]
    return "/" + "/".join(parts[1:] if parts and parts[0] == "body" else parts)


def _allowed(app: FastAPI, request: Request) -> list[str]:
    """Every method that this path answers (RFC 9110, section 15.5.6)."""

    def answers(method: str) -> bool:
        return any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in app.routes)

    return [method for method in METHODS if answers(method)]


def install(app: FastAPI) -> None:
    @app.exception_handler(CdpError)
    async def expected(_: Request, error: CdpError) -> Response:
        return problem(error)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> Response:
        return invalid(error)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "refused")
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(_allowed(app, request))
        return respond(error.status_code, code, str(error.detail), (), headers)

    @app.exception_handler(Exception)
    async def surprise(_: Request, error: Exception) -> Response:
        return unexpected(error)
