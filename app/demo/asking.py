"""What the API answers, asked of its own app in this process, for none may be serving."""

import json
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from app.core.settings import Settings


class Api:
    """Asks as somebody who holds one access token."""

    def __init__(self, app: Any, token: str) -> None:
        self._app = app
        self._token = token

    async def get(self, path: str, query: str = "") -> Any:
        return await self._ask("GET", path, query)

    async def graphql(self, document: str) -> Any:
        return await self._ask("POST", "/graphql", "", json.dumps({"query": document}).encode())

    async def _ask(self, method: str, path: str, query: str, body: bytes = b"") -> Any:
        scope: dict[str, Any] = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(b"content-type", b"application/json"), (b"authorization", f"Bearer {self._token}".encode())],
            "client": None,
            "server": None,
            "state": {},
        }
        said: list[bytes] = []

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            said.append(message.get("body", b""))

        await self._app(scope, receive, send)
        return json.loads(b"".join(said))


@asynccontextmanager
async def asked(settings: Settings, token: str) -> AsyncIterator[Api]:
    """The API while the block lasts."""
    from app.api.main import build, edged  # the whole API, which only the end of the story needs

    api = build(settings)
    async with api.router.lifespan_context(api):
        yield Api(edged(api), token)
