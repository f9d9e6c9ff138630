"""The API as it is served, in this process: requests go through the edge, the routes and the real database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2
from fastapi import FastAPI

from app.api.main import build, edged
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.domain.workspaces import Workspace

READ_AND_WRITE = ("profiles:read", "profiles:write", "admin")


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[FastAPI]:
    """The app with its lifespan open."""
    api = build(settings)
    async with api.router.lifespan_context(api):
        yield api


def access_token(rt: Runtime, workspace: Workspace, *scopes: str) -> str:
    return rt.gate.issue(
        subject="tests", client_id="tests", scopes=scopes, workspace=workspace.name, now=datetime.now(UTC)
    )


def client(api: FastAPI, token: str | None = None, **options: Any) -> httpx2.AsyncClient:
    """A client of the app. What the app raises becomes the 500 that a user would see."""
    transport = httpx2.ASGITransport(app=edged(api), raise_app_exceptions=False)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx2.AsyncClient(transport=transport, base_url="http://samewise.test", headers=headers, **options)
