"""`/v1/models`, what scores are made of, and policies that name a model."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from app.core.ids import PublicIds
from app.core.runtime import Runtime
from app.domain import models
from app.domain.workspaces import Workspace
from app.identity.matching.shipped import shipped
from app.workers.refresh import refresh_due
from tests.api.test_profiles_http import problem
from tests.domain.office import Office
from tests.graphql.conftest import Asker
from tests.served import access_token, client

ROSE: dict[str, Any] = {"first_name": "Rosalind", "last_name": "Ferguson", "birthday": "1984-03-12", "city": "Leeds"}


@pytest.fixture
async def web(api: FastAPI, rt: Runtime, workspace: Workspace) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(api, access_token(rt, workspace, "admin")) as session:
        yield session


@pytest.fixture
async def reviewer(api: FastAPI, rt: Runtime, workspace: Workspace) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(api, access_token(rt, workspace, "review:write")) as session:
        yield session


async def matching(web: httpx2.AsyncClient, rt: Runtime, **change: Any) -> httpx2.Response:
    """Put a policy with this matching, and derive everybody again."""
    held = (await web.get("/v1/policy")).json()
    held.pop("refreshing")
    held["matching"] |= change
    answer = await web.put("/v1/policy", json=held)
    await refresh_due(rt, 1)
    return answer


async def trained(office: Office) -> int:
    """A model of the workspace's own, its thresholds a bit lower."""
    own = replace(shipped(), automatic=20.0, review=10.0, origin="adapted")
    async with office.rt.begin(office.workspace.id) as tx:
        return await models.add(tx, office.keyring, own, now=office.rt.now())


async def test_models_are_listed_the_newest_first_and_the_shipped_one_last(
    web: httpx2.AsyncClient, reviewer: httpx2.AsyncClient, office: Office, rt: Runtime
) -> None:
    assert [await trained(office), await trained(office)] == [1, 2]
    items = (await reviewer.get("/v1/models")).json()["items"]
    assert [(each["version"], each["origin"], each["in_force"]) for each in items] == [
        (2, "adapted", False),
        (1, "adapted", False),
        (0, "shipped", True),
    ]
    assert (items[0]["automatic"], items[0]["review"]) == (20.0, 10.0)
    assert (items[2]["created_at"], items[2]["automatic"]) == (None, shipped().automatic)
    assert (await matching(web, rt, model=1)).status_code == 200
    items = (await reviewer.get("/v1/models")).json()["items"]
    assert [each["version"] for each in items if each["in_force"]] == [1]
    seen, cursor = [], ""
    for _ in range(3):
        page = (await reviewer.get(f"/v1/models?limit=1{cursor}")).json()
        seen += [each["version"] for each in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [2, 1, 0]
    assert (await reviewer.get(f"/v1/models?limit=1{cursor}")).json() == {"items": [], "next_cursor": None}


async def test_a_model_shows_what_it_weighs_and_no_name(reviewer: httpx2.AsyncClient) -> None:
    answer = await reviewer.get("/v1/models/0")
    shown = {each["name"]: each for each in answer.json()["comparisons"]}
    same = shown["birthday"]["levels"][0]
    assert same["label"] == "same"
    assert same["bits"] > 8
    assert shown["given name"]["rare_says_more"]
    assert not shown["gender"]["rare_says_more"]
    common = next(iter(shipped().frequencies["family"].values))
    assert common not in answer.text.lower()
    for wrong, status in ((7, 404), (-1, 422), ("x", 422)):
        assert (await reviewer.get(f"/v1/models/{wrong}")).status_code == status


async def test_a_policy_cannot_name_a_model_that_there_is_not(
    web: httpx2.AsyncClient, office: Office, rt: Runtime
) -> None:
    answer = await matching(web, rt, model=3)
    assert answer.status_code == 422
    said = answer.json()
    assert [(fault["pointer"], fault["code"]) for fault in said["errors"]] == [("/matching/model", "unknown_model")]
    assert "cdp train" in said["detail"]
    assert (await web.get("/v1/policy")).json()["version"] == 1
    assert (await matching(web, rt, on=False, model=3)).status_code == 422, "nor while matching is off"
    await office.person("1", **ROSE)
    assert (await office.of("crm/1")).traits["first_name"] == "Rosalind"


async def test_a_review_and_a_link_say_what_their_score_is_made_of(
    web: httpx2.AsyncClient,
    reviewer: httpx2.AsyncClient,
    office: Office,
    ids: PublicIds,
    rt: Runtime,
) -> None:
    await matching(web, rt, automatic=1000.0, review=5.0)
    await office.person("1", **ROSE)
    await office.person("2", day=1, **{**ROSE, "last_name": "Fergusson", "city": "York"})
    (item,) = (await reviewer.get("/v1/reviews")).json()["items"]
    made = {each["comparison"]: each for each in item["contributions"]}
    assert made["birthday"]["level"] == "same"
    assert made["family name"]["level"] != "same"
    assert made["place"]["bits"] < 0 < made["birthday"]["bits"]
    assert sum(each["bits"] for each in made.values()) == pytest.approx(item["score"], abs=1e-9)
    assert not any(word in str(item["contributions"]).lower() for word in ("rosalind", "1984", "leeds"))
    await matching(web, rt, automatic=5.0, review=5.0)
    id = ids.encode((await office.of("crm/1")).id)
    (link,) = (await web.get(f"/v1/profiles/{id}/explain")).json()["links"]
    assert (link["kind"], link["contributions"]) == ("match", item["contributions"])
    assert f"alike: {link['score']:.1f} bits" in (await web.get(f"/v1/profiles/{id}/explain?format=svg")).text
    query = """query ($key: String!) { profile(by: {record: {source: "crm", key: $key}}) {
        explain { links { contributions { comparison level bits } } } } }"""
    asked = await Asker(web).ask(query, key="1")
    assert asked["profile"]["explain"]["links"] == [{"contributions": item["contributions"]}]


async def test_models_are_for_those_who_review(api: FastAPI, rt: Runtime, workspace: Workspace) -> None:
    async with client(api, access_token(rt, workspace, "profiles:read")) as reader:
        problem(await reader.get("/v1/models"), 403, "insufficient_scope")
        problem(await reader.get("/v1/models/0"), 403, "insufficient_scope")
