"""`/v1/alerts`: what somebody should look at is listed, put aside, and raised again when it happens again."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from app.api.pages import cursor_of
from app.core.runtime import Runtime
from tests.make import Tenant, record, tenant
from tests.served import access_token, client

TILL = ("device_id", "till-7")


@pytest.fixture
async def shop(rt: Runtime) -> Tenant:
    return await tenant(rt)


@pytest.fixture
async def web(api: FastAPI, rt: Runtime, shop: Tenant) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(api, access_token(rt, shop.workspace, "review:write", "admin")) as session:
        yield session


async def sold(shop: Tenant, many: int, *, at: int = 0) -> None:
    """Receipts that carry the till's device id."""
    await shop.take([record(f"r{n}", identifiers=[TILL], source="shop", at=at + n) for n in range(many)])


async def test_a_till_beyond_its_limit_is_listed_with_a_record_and_what_to_do(
    web: httpx2.AsyncClient, shop: Tenant
) -> None:
    await sold(shop, 9)
    (alert,) = (await web.get("/v1/alerts")).json()["items"]
    assert (alert["kind"], alert["namespace"], alert["size"]) == ("generic_identifier", "device_id", 9)
    assert alert["record"]["source"] == "shop"
    assert "/v1/policy" in alert["detail"]


async def test_an_alert_that_was_put_aside_comes_back_only_with_a_new_cause(
    web: httpx2.AsyncClient, shop: Tenant
) -> None:
    await sold(shop, 9)
    (alert,) = (await web.get("/v1/alerts")).json()["items"]
    assert (await web.delete(f"/v1/alerts/{alert['id']}")).status_code == 204
    assert (await web.delete(f"/v1/alerts/{alert['id']}")).status_code == 404
    await shop.take([record("r10", identifiers=[TILL], source="shop", at=20)])
    assert (await web.get("/v1/alerts")).json()["items"] == []
    await shop.take([record(f"r{n}", source="shop", at=30, deleted=True) for n in range(4)])
    await sold(shop, 4, at=40)
    assert len((await web.get("/v1/alerts")).json()["items"]) == 1


async def test_alerts_are_for_those_who_review(api: FastAPI, rt: Runtime, shop: Tenant) -> None:
    async with client(api, access_token(rt, shop.workspace, "profiles:read")) as other:
        assert (await other.get("/v1/alerts")).status_code == 403


@pytest.mark.parametrize("list", ["/v1/alerts", "/v1/sources", "/v1/quarantine"])
async def test_a_cursor_of_ones_own_making_is_refused(web: httpx2.AsyncClient, list: str) -> None:
    for position in ("x", "-1", "99999999999999999999", "²"):
        made = cursor_of(list.rpartition("/")[2], position)
        assert (await web.get(list, params={"cursor": made})).status_code == 422
