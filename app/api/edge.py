"""The edge: an ASGI app in front of FastAPI that owns the hot paths and gives every request its id.

A FastAPI route costs more than an event's whole way into the log; so the ingest
paths are answered here, with the same errors and the same documentation.
"""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from typing import Any

import orjson
from prometheus_client import Counter, Histogram

from app.api import errors
from app.api.ingest.bodies import Disconnected
from app.api.ingest.doors import Doors
from app.core.errors import CdpError
from app.core.log import new_request_id, request_id
from app.core.metrics import INGEST_ANSWERS, INGEST_SECONDS

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON = b"application/json"


class Edge:
    """`doors` finds the handler of a hot path; everything else is FastAPI's."""

    def __init__(self, inner: App, doors: Callable[[], Doors | None]) -> None:
        self._inner = inner
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        headers = dict(scope["headers"])
        request = new_request_id(headers.get(b"x-request-id", b"").decode("latin-1"))
        request_id.set(request)
        doors = self._doors()
        door = doors.find(scope["path"]) if doors is not None and scope["method"] == "POST" else None
        if door is None:
            await self._inner(scope, receive, _with_id(send, request.encode()))
            return
        started = time.perf_counter()
        try:
            status, body = await door.answer(headers, scope.get("query_string", b""), receive)
            extra: list[tuple[bytes, bytes]] = [(b"content-type", JSON)]
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001 — whatever it is becomes a problem document
            status, extra, body = _failure(error, segment=door.segment)
        seconds, answers = _figures(door.name, status)
        seconds.observe(time.perf_counter() - started)
        answers.inc()
        length = (b"content-length", str(len(body)).encode())
        head = [*extra, length, (b"x-request-id", request.encode())]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": body})


@cache
def _figures(door: str, status: int) -> tuple[Histogram, Counter]:
    """The figures of one kind of answer; looking them up by their labels costs as much as counting."""
    return INGEST_SECONDS.labels(door), INGEST_ANSWERS.labels(door, str(status))


def _failure(error: Exception, *, segment: bool) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """An error as a problem document. Segment's dialect knows 400 where we say 422, and SDKs look for a `message`:
    one of them takes an answer without it for a broken network, and tries again what was refused."""
    response = errors.problem(error) if isinstance(error, CdpError) else errors.unexpected(error)
    status, body = response.status_code, bytes(response.body)
    if segment:
        said = orjson.loads(body)
        status = 400 if status == 422 else status
        body = orjson.dumps({**said, "status": status, "title": errors.TITLES[status], "message": said["detail"]})
    kept = [(k, v) for k, v in response.raw_headers if k != b"content-length"]
    return status, kept, body


def _with_id(send: Send, request: bytes) -> Send:
    async def tell(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", request)]
        await send(message)

    return tell
