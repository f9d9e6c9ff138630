"""`/v1/traits` over HTTP: the catalog is listed, defined, changed, and never confused by input."""

from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx2
import pytest
from fastapi import FastAPI

from app.core.runtime import Runtime
from app.domain.catalog import BUILT_IN
from app.domain.workspaces import Workspace
from tests.served import READ_AND_WRITE, access_token, client
from tests.tenancy import new_workspace

SPENT = {"name": "lifetime_value", "type": "money", "class": "public", "rule": "max", "description": "Spent in all."}


@pytest.fixture
async def web(api: FastAPI, rt: Runtime, workspace: Workspace) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(api, access_token(rt, workspace, *READ_AND_WRITE)) as session:
        yield session


async def test_the_catalog_is_listed_by_name_in_pages(web: httpx2.AsyncClient) -> None:
    names: list[str] = []
    cursor = None
    for _ in range(20):
        page = (await web.get("/v1/traits", params={"limit": 5} | ({"cursor": cursor} if cursor else {}))).json()
        names += [trait["name"] for trait in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert names == sorted(trait.name for trait in BUILT_IN)


async def test_a_trait_is_defined_read_and_changed(web: httpx2.AsyncClient) -> None:
    made = await web.post("/v1/traits", json=SPENT)
    assert (made.status_code, made.json()) == (201, SPENT | {"origin": "defined", "graphql_field": "lifetimeValue"})
    assert (await web.post("/v1/traits", json=SPENT)).status_code == 409
    changed = await web.put("/v1/traits/lifetime_value", json={"type": "number"})
    assert changed.json()["type"] == "number"
    assert (await web.get("/v1/traits/lifetime_value")).json() == changed.json()
    assert (await web.get("/v1/traits/nothing")).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "lifetimeValue"},
        {"name": "a\ud7ff\u0001"},
        {"name": ""},
        {"name": "x" * 65},
        {"type": "moneys"},
        {"class": "secret"},
        {"rule": "best"},
        {"description": "x" * 2001},
        {"more": 1},
        {"type": None},
    ],
)
async def test_what_is_no_trait_is_refused(web: httpx2.AsyncClient, wrong: dict[str, object]) -> None:
    answer = await web.post("/v1/traits", json=SPENT | wrong)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_odd_names_and_cursors_are_answered_and_never_fail(web: httpx2.AsyncClient) -> None:
    for odd in ("\0", "%", "é" * 300, "..", "a b", "\U0001f600"):
        name = quote(odd, safe="")
        for answer in (
            await web.get(f"/v1/traits/{name}"),
            await web.put(f"/v1/traits/{name}", json={"type": "string"}),
            await web.get(f"/v1/traits?cursor={name}"),
            await web.get(f"/v1/traits?limit={name}"),
        ):
            assert answer.status_code in (404, 405, 422), (odd, answer.status_code, answer.text)


async def test_only_admins_define_and_nobody_sees_another_workspaces_traits(
    api: FastAPI, rt: Runtime, web: httpx2.AsyncClient, workspace: Workspace
) -> None:
    await web.post("/v1/traits", json=SPENT)
    async with client(api, access_token(rt, workspace, "profiles:read", "profiles:write")) as reader:
        assert (await reader.get("/v1/traits/lifetime_value")).status_code == 200
        assert (await reader.put("/v1/traits/lifetime_value", json={"type": "string"})).status_code == 403
        assert (await reader.post("/v1/traits", json=SPENT)).status_code == 403
    async with client(api, access_token(rt, await new_workspace(rt), *READ_AND_WRITE)) as stranger:
        assert (await stranger.get("/v1/traits/lifetime_value")).status_code == 404
    async with client(api) as nobody:
        assert (await nobody.get("/v1/traits")).status_code == 401
