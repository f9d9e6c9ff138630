"""`/v1/policy`: every version stays readable, and one step leads back."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from app.core.runtime import Runtime
from app.domain.workspaces import Workspace
from app.workers.refresh import refresh_due
from tests.make import Tenant, record, tenant
from tests.properties.snapshot import snapshot
from tests.served import access_token, client

CARD = {"priority": 70, "max_values": 3, "max_records": 20}


@pytest.fixture
async def shop(rt: Runtime) -> Tenant:
    return await tenant(rt)


@pytest.fixture
async def web(api: FastAPI, rt: Runtime, shop: Tenant) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(api, access_token(rt, shop.workspace, "profiles:read", "admin")) as session:
        yield session


async def put(web: httpx2.AsyncClient, **change: Any) -> dict[str, Any]:
    held = (await web.get("/v1/policy")).json()
    held.pop("refreshing")
    answer = await web.put("/v1/policy", json={**held, **change})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_versions_are_listed_and_read_down_to_the_default_one(web: httpx2.AsyncClient) -> None:
    first = (await web.get("/v1/policy")).json()
    await put(web, max_cluster=7)
    await put(web, max_cluster=8)
    listed = (await web.get("/v1/policy/versions")).json()["items"]
    assert [each["version"] for each in listed] == [3, 2, 1]
    assert listed[-1]["created_at"] is None
    assert (await web.get("/v1/policy/versions/2")).json()["max_cluster"] == 7
    assert (await web.get("/v1/policy/versions/1")).json()["max_cluster"] == first["max_cluster"]
    assert (await web.get("/v1/policy/versions/4")).status_code == 404


async def test_one_step_back_restores_people_and_their_ids(web: httpx2.AsyncClient, rt: Runtime, shop: Tenant) -> None:
    await shop.take([record(key, identifiers=[("card", "c")], at=int(key)) for key in "123"])
    before = await snapshot(shop)
    await put(web, namespaces={"card": {**CARD, "max_records": 2}})
    await refresh_due(rt, 1)
    assert len((await snapshot(shop)).live) == 3
    back = await web.post("/v1/policy/rollback", json={"version": 2})
    assert (back.status_code, back.json()["version"]) == (200, 3)
    await refresh_due(rt, 1)
    after = await snapshot(shop)
    assert after.partition == before.partition
    assert {id: held.content for id, held in after.live.items()} == {
        id: held.content for id, held in before.live.items()
    }


async def test_nobody_rolls_back_what_he_has_not_seen(web: httpx2.AsyncClient, workspace: Workspace) -> None:
    assert (await web.post("/v1/policy/rollback", json={"version": 1})).status_code == 404
    await put(web, max_cluster=7)
    assert (await web.post("/v1/policy/rollback", json={"version": 1, "to": 1})).status_code == 412
    assert (await web.post("/v1/policy/rollback", json={"version": 2, "to": 9})).status_code == 404
