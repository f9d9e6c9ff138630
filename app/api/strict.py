"""Bodies of FastAPI's routes: read up to a limit and parsed strictly, so that no input can become a 500.

FastAPI's own road takes bodies of any size, NaN, lone surrogates and keys that come twice.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from app.api.ingest import bodies
from app.core import strictjson
from app.core.errors import Refused

MAX_BODY = 1024 * 1024


class _Parsed(Request):
    """A request whose body is read and parsed already."""

    raw: bytes = b""
    value: Any = None

    async def body(self) -> bytes:
        return self.raw

    async def json(self) -> Any:
        return self.value


class StrictRoute(APIRoute):
    """A route whose JSON body is at most MAX_BODY bytes, plain or gzip, and obeys app/core/strictjson.py."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        plain = super().get_route_handler()
        if self.body_field is None:
            return plain

        async def strictly(request: Request) -> Response:
            encoding = request.headers.get("content-encoding", "").lower().encode()
            parsed = _Parsed(request.scope, request.receive)
            try:
                parsed.raw = await bodies.read(request.receive, limit=MAX_BODY, encoding=encoding)
            except bodies.Disconnected:
                return Response(status_code=400)
            if parsed.raw:
                if not is_json(request.headers.get("content-type", "")):
                    raise Refused("Send JSON, with Content-Type: application/json.", code="not_json")
                parsed.value = strictjson.parse(parsed.raw, max_bytes=MAX_BODY)
            return await plain(parsed)

        return strictly


def is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
