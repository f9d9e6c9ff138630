"""The API served in this process, a story to tell it, and one way to ask it in GraphQL."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from app.core.runtime import Runtime
from app.domain.workspaces import Workspace
from tests.served import access_token, client


class Asker:
    """Asks one workspace in GraphQL."""

    def __init__(self, session: httpx2.AsyncClient) -> None:
        self.session = session

    async def raw(self, query: str, **variables: Any) -> httpx2.Response:
        headers = {"Accept": "application/graphql-response+json"}
        return await self.session.post("/graphql", json={"query": query, "variables": variables}, headers=headers)

    async def ask(self, query: str, **variables: Any) -> Any:
        """The data of an answer without errors."""
        answer = await self.raw(query, **variables)
        assert answer.status_code == 200, answer.text
        assert "errors" not in answer.json(), answer.text
        return answer.json()["data"]

    async def refused(self, query: str, **variables: Any) -> str:
        """The messages of an answer that was not run."""
        answer = await self.raw(query, **variables)
        assert answer.status_code == 400, answer.text
        assert "data" not in answer.json()
        return " | ".join(error["message"] for error in answer.json()["errors"])


@pytest.fixture
async def asker(api: FastAPI, rt: Runtime, workspace: Workspace) -> AsyncIterator[Asker]:
    async with client(api, access_token(rt, workspace, "profiles:read", "admin")) as session:
        yield Asker(session)
