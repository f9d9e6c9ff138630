"""`/v1/reviews`: the queue of pairs that wait for a person, what is shown of them, and deciding them."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from app.core.ids import PublicIds
from app.core.runtime import Runtime
from app.core.sql import statement
from app.domain.catalog import Trait, define
from app.domain.pipeline.rederive import hold, rederive
from app.domain.workspaces import Workspace
from tests.api.test_profiles_http import problem
from tests.domain.office import Office
from tests.served import access_token, client
from tests.tenancy import new_workspace

PAIR = statement("INSERT INTO pairs (workspace_id, a, b, score, model) VALUES (:workspace_id, :a, :b, :score, 1)")


@pytest.fixture
async def web(api: FastAPI, rt: Runtime, workspace: Workspace) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(api, access_token(rt, workspace, "review:write")) as session:
        yield session


async def twins(office: Office, n: int = 0) -> None:
    """Two people who share an address: their dates of birth forbid that they are one."""
    address = f"home{n}@mail.example"
    await office.person(f"a{n}", email=address, first_name="Ada", birthday="1990-02-01")
    await office.person(f"b{n}", day=1, email=address, first_name="Ada", birthday="1961-07-24")


async def alike(office: Office, one: str, other: str, score: float) -> None:
    """Two records that a model has scored."""
    pair = sorted([(await office.of(one)).id, (await office.of(other)).id])
    async with office.rt.begin(office.workspace.id) as tx:
        await hold(tx, pair)
        await tx.conn.execute(PAIR.sql, *PAIR.arguments(tx, {"a": pair[0], "b": pair[1], "score": score}))
        await rederive(tx, office.keyring, pair, now=office.rt.now())


async def queue(web: httpx2.AsyncClient, query: str = "") -> list[dict[str, Any]]:
    answer = await web.get(f"/v1/reviews{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_refused_link_waits_with_both_sides_and_why(web: httpx2.AsyncClient, office: Office) -> None:
    await twins(office)
    (item,) = await queue(web)
    assert (item["kind"], item["namespace"], item["because"]) == ("identifier", "email", "veto:birthday")
    assert (item["reason"], item["score"]) == ("Both carry the same email.", None)
    assert "dates of birth" in item["detail"]
    assert [(side["key"], side["traits"]["birthday"]) for side in (item["a"], item["b"])] == [
        ("a0", "1990-02-01"),
        ("b0", "1961-07-24"),
    ]
    assert item["a"]["profile_id"] != item["b"]["profile_id"]
    assert (await web.get(f"/v1/reviews/{item['id']}")).json() == item


async def test_what_is_most_worth_a_look_comes_first_and_pages_lose_nothing(
    web: httpx2.AsyncClient, office: Office
) -> None:
    for n in range(6):
        await office.person(f"{n}")
    scores = [4.5, 9.25, 9.25, 0.1 + 0.2, 7.0]
    for n, score in enumerate(scores):
        await alike(office, f"crm/{n}", f"crm/{n + 1}", score)
    seen: list[dict[str, Any]] = []
    cursor = ""
    for _ in range(5):
        page = (await web.get(f"/v1/reviews?limit=1{cursor}")).json()
        seen += page["items"]
        cursor = f"&cursor={page['next_cursor']}"
    assert (await web.get(f"/v1/reviews?limit=1{cursor}")).json()["items"] == []
    assert [item["score"] for item in seen] == sorted(scores, reverse=True)
    assert len({item["id"] for item in seen}) == 5
    assert {(item["kind"], item["because"], item["model"]) for item in seen} == {("match", None, 1)}
    assert await queue(web) == seen


@pytest.mark.parametrize("verdict", ["same", "different"])
async def test_a_pair_that_is_decided_leaves_the_queue_for_good(
    web: httpx2.AsyncClient, office: Office, verdict: str
) -> None:
    await twins(office)
    (item,) = await queue(web)
    answer = await web.post(f"/v1/reviews/{item['id']}/decide", json={"verdict": verdict, "reason": "asked her"})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["origin"], made["effect"], made["reason"]) == ("review", "applied", "asked her")
    assert await office.together("crm/a0", "crm/b0") == (verdict == "same")
    assert await queue(web) == []
    problem(await web.get(f"/v1/reviews/{item['id']}"), 404, "not_found")
    again = await web.post(f"/v1/reviews/{item['id']}/decide", json={"verdict": verdict})
    assert (again.status_code, again.json()["id"]) == (200, made["id"])
    other = {"same": "different", "different": "same"}[verdict]
    problem(await web.post(f"/v1/reviews/{item['id']}/decide", json={"verdict": other}), 409, "decided_otherwise")
    await office.person("b0", day=3, email="home0@mail.example", phone="+442079460018", birthday="1961-07-24")
    assert await queue(web) == []
    await web.delete(f"/v1/decisions/{made['id']}")
    assert [each["id"] for each in await queue(web)] == [item["id"]], "it waits again, under the same id"


async def test_sensitive_traits_are_for_those_who_may_read_profiles(
    web: httpx2.AsyncClient, api: FastAPI, rt: Runtime, workspace: Workspace, office: Office
) -> None:
    async with rt.begin(workspace.id) as tx:
        await define(tx, Trait("diagnosis", "string", "sensitive"), now=rt.now())
    await twins(office)
    await office.person("a0", day=2, email="home0@mail.example", birthday="1990-02-01", diagnosis="measles")
    (item,) = await queue(web)
    assert (item["a"]["withheld"], item["b"]["withheld"]) == (["diagnosis"], [])
    assert "measles" not in str(item)
    async with client(api, access_token(rt, workspace, "review:write", "profiles:read")) as reader:
        (seen,) = await queue(reader)
    assert (seen["a"]["traits"]["diagnosis"], seen["a"]["withheld"]) == ("measles", [])


async def test_any_id_and_cursor_at_all_is_answered(web: httpx2.AsyncClient, office: Office, ids: PublicIds) -> None:
    await twins(office)
    await office.person("c", day=2)
    (item,) = await queue(web)
    settled = ids.pair((await office.of("crm/a0")).id, (await office.of("crm/c")).id)
    turned = ids.pair(*reversed(ids.unpair(item["id"]) or ()))
    for id in ("x", "%00", settled, turned, item["id"] + "a", "A" * 500):
        problem(await web.get(f"/v1/reviews/{id}"), 404, "not_found")
        problem(await web.post(f"/v1/reviews/{id}/decide", json={"verdict": "same"}), 404, "not_found")
    for wrong in ("cursor=x", "cursor=%00", "limit=0", "limit=101"):
        assert (await web.get(f"/v1/reviews?{wrong}")).status_code == 422, wrong
    bodies: list[Any] = [{}, {"verdict": "both"}, {"verdict": "same", "x": 1}, []]
    for body in bodies:
        assert (await web.post(f"/v1/reviews/{item['id']}/decide", json=body)).status_code == 422


async def test_the_queue_is_its_workspaces_own(
    api: FastAPI, rt: Runtime, workspace: Workspace, web: httpx2.AsyncClient, office: Office
) -> None:
    await twins(office)
    (item,) = await queue(web)
    async with client(api, access_token(rt, await new_workspace(rt), "admin")) as stranger:
        assert await queue(stranger) == []
        problem(await stranger.post(f"/v1/reviews/{item['id']}/decide", json={"verdict": "same"}), 404, "not_found")
    async with client(api, access_token(rt, workspace, "profiles:read", "profiles:write")) as reader:
        problem(await reader.get("/v1/reviews"), 403, "insufficient_scope")


async def test_a_refused_link_of_a_scored_pair_shows_the_link_alone(web: httpx2.AsyncClient, office: Office) -> None:
    await twins(office)
    await alike(office, "crm/a0", "crm/b0", 1.5)
    (item,) = await queue(web)
    assert (item["kind"], item["namespace"], item["score"], item["model"]) == ("identifier", "email", None, None)
