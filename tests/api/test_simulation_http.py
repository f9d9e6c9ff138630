"""`?dry_run=true` on `/v1/policy`: what another policy would merge and split, said before it does."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from app.core.runtime import Runtime
from app.workers.refresh import refresh_due
from tests.make import Tenant, record, tenant
from tests.properties.held import snapshot
from tests.served import access_token, client

pytest.importorskip("duckdb")


@pytest.fixture
async def shop(rt: Runtime) -> Tenant:
    return await tenant(rt)


@pytest.fixture
async def web(api: FastAPI, rt: Runtime, shop: Tenant) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(api, access_token(rt, shop.workspace, "profiles:read", "admin")) as session:
        yield session


async def policy(web: httpx2.AsyncClient, **change: Any) -> dict[str, Any]:
    held: dict[str, Any] = (await web.get("/v1/policy")).json()
    held.pop("refreshing")
    return {**held, **change}


async def simulated(web: httpx2.AsyncClient, **change: Any) -> dict[str, Any]:
    answer = await web.put("/v1/policy?dry_run=true", json=await policy(web, **change))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def put(web: httpx2.AsyncClient, shop: Tenant, **change: Any) -> None:
    answer = await web.put("/v1/policy", json=await policy(web, **change))
    assert answer.status_code == 200, answer.text
    await refresh_due(shop.rt, 77)


def alike() -> list[Any]:
    same = {"first_name": "Katharina", "last_name": "Oberhuber", "birthday": "1981-03-04", "city": "Graz"}
    return [record("1", same), record("2", {**same, "first_name": "Katarina"}, source="shop"), record("3", {"x": 1})]


async def test_switching_matching_on_says_whom_it_would_unite_and_why(web: httpx2.AsyncClient, shop: Tenant) -> None:
    await put(web, shop, matching={"on": False})
    await shop.take(alike())
    before = await snapshot(shop)
    found = await simulated(web, matching={"on": True})
    assert (found["dry_run"], found["records"], found["profiles"]) == (True, 3, {"now": 3, "then": 2})
    assert (found["merges"]["profiles"], found["merges"]["into"], found["moved"]) == (2, 1, 1)
    (sample,) = found["merges"]["samples"]
    assert {(each["source"], each["key"]) for each in sample["records"]} == {("crm", "1"), ("shop", "2")}
    assert sample["profile"] in sample["profiles"]
    (link,) = sample["because"]
    assert (link["kind"], link["because"]) == ("match", None)
    assert link["score"] > 10
    assert found["splits"] == {"profiles": 0, "into": 0, "samples": []}
    assert await snapshot(shop) == before
    assert (await web.get("/v1/policy")).json()["version"] == 2


async def test_what_was_simulated_is_what_activation_does(web: httpx2.AsyncClient, shop: Tenant) -> None:
    await put(web, shop, matching={"on": False})
    await shop.take(alike())
    found = await simulated(web, matching={"on": True})
    await put(web, shop, matching={"on": True})
    assert len((await snapshot(shop)).live) == found["profiles"]["then"]
    assert (await simulated(web, matching={"on": True}))["moved"] == 0
    back = (await web.post("/v1/policy/rollback?dry_run=true", json={})).json()
    assert (back["splits"]["profiles"], back["splits"]["into"], back["moved"]) == (1, 2, 1)
    assert back["splits"]["samples"][0]["because"][0]["because"] == "not_compared"
    assert (await web.get("/v1/policy")).json()["version"] == 3


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"namespaces": {"card": {"priority": 70, "max_values": 3, "max_records": 1}}}, "generic"),
        ({"blocked_values": {"card": ["9"]}}, "blocked"),
        ({"namespaces": {"user_id": {"priority": 100, "max_values": 1, "max_records": 9}}}, "max_values:user_id"),
        ({"max_cluster": 1}, "max_cluster"),
    ],
)
async def test_a_split_says_what_becomes_of_the_link(
    web: httpx2.AsyncClient, shop: Tenant, change: dict[str, Any], because: str
) -> None:
    await put(web, shop, namespaces={"user_id": {"priority": 100, "max_values": 2, "max_records": 9}})
    await shop.take(
        [record("1", {}, [("card", "9"), ("user_id", "a")]), record("2", {}, [("card", "9"), ("user_id", "b")])]
    )
    found = await simulated(web, **change)
    assert (found["splits"]["profiles"], found["splits"]["into"]) == (1, 2)
    (link,) = found["splits"]["samples"][0]["because"]
    assert (link["namespace"], link["because"]) == ("card", because)


async def test_a_version_that_is_not_in_force_is_refused(web: httpx2.AsyncClient) -> None:
    wanted = await policy(web, version=7)
    assert (await web.put("/v1/policy?dry_run=true", json=wanted)).status_code == 412
    assert (await web.post("/v1/policy/rollback?dry_run=true", json={"version": 7})).status_code == 412
    assert (await web.post("/v1/policy/rollback?dry_run=true", json={})).status_code == 404


async def test_a_model_that_is_not_there_is_refused(web: httpx2.AsyncClient) -> None:
    wanted = await policy(web, matching={"on": True, "model": 9})
    answer = await web.put("/v1/policy?dry_run=true", json=wanted)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_model")


async def test_only_who_may_change_the_policy_may_simulate_it(api: FastAPI, rt: Runtime, shop: Tenant) -> None:
    async with client(api, access_token(rt, shop.workspace, "profiles:read")) as session:
        assert (await session.put("/v1/policy?dry_run=true", json=await policy(session))).status_code == 403


async def test_others_are_answered_while_one_simulates_and_a_second_one_is_asked_to_wait(
    web: httpx2.AsyncClient, shop: Tenant
) -> None:
    await shop.take([record(str(n), {"first_name": f"P{n}", "city": "Graz"}) for n in range(1_500)])
    wanted = await policy(web)
    both = asyncio.gather(*[web.put("/v1/policy?dry_run=true", json=wanted) for _ in range(2)])
    slowest = 0.0
    while not both.done():
        started = time.perf_counter()
        assert (await web.get("/livez")).status_code == 200
        slowest = max(slowest, time.perf_counter() - started)
        await asyncio.sleep(0.01)
    assert sorted(answer.status_code for answer in await both) == [200, 503]
    assert slowest < 0.5
