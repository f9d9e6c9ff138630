"""`/v1/decisions`, `/merge` and `/split` over HTTP: shapes, statuses, lists, and who may."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from app.api.decision_examples import ACT, ASKED, DECISION, OUTCOME
from app.api.decision_shapes import ActShape, DecisionIn, RulingShape
from app.api.reviews import EXAMPLE, ReviewShape
from app.core.ids import PublicIds
from app.core.runtime import Runtime
from app.domain.workspaces import Workspace
from tests.api.test_profiles_http import problem
from tests.domain.office import Office
from tests.served import access_token, client
from tests.tenancy import new_workspace

ONE, TWO = {"source": "crm", "key": "1"}, {"source": "shop", "key": "2"}
UNDECIDABLE: list[Any] = [
    {},
    [],
    "same",
    {"verdict": "perhaps", "a": ONE, "b": TWO},
    {"verdict": "same", "a": ONE},
    {"verdict": "same", "a": "crm/1", "b": TWO},
    {"verdict": "same", "a": ONE, "b": {**TWO, "id": 1}},
    {"verdict": "same", "a": ONE, "b": TWO, "reason": ""},
    {"verdict": "same", "a": ONE, "b": TWO, "reason": "r" * 1001},
    {"verdict": "same", "a": ONE, "b": {"source": "shop", "key": "k" * 4097}},
    {"verdict": "same", "a": ONE, "b": {"source": "shop", "key": 2}},
]


@pytest.fixture
async def web(api: FastAPI, rt: Runtime, workspace: Workspace) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(api, access_token(rt, workspace, "review:write", "profiles:read")) as session:
        yield session


@pytest.fixture
async def home(office: Office) -> Office:
    """Two records that share an address."""
    await office.person("1", email="home@mail.example", first_name="Ada")
    await office.person("2", source="shop", day=1, email="home@mail.example", city="Leeds")
    return office


def said(verdict: str, **more: Any) -> dict[str, Any]:
    return {"verdict": verdict, "a": ONE, "b": TWO, **more}


async def test_a_decision_is_made_once_and_answers_with_what_it_did(
    web: httpx2.AsyncClient, home: Office, ids: PublicIds
) -> None:
    answer = await web.post("/v1/decisions", json=said("different", reason="mother and daughter"))
    assert answer.status_code == 201, answer.text
    made = answer.json()
    ada, other = ids.encode((await home.of("crm/1")).id), ids.encode((await home.of("shop/2")).id)
    assert (made["a"], made["b"]) == ({**ONE, "profile_id": ada}, {**TWO, "profile_id": other})
    assert (made["effect"], made["because"], made["detail"], made["contradicts"]) == ("applied", None, None, [])
    assert (made["reason"], made["origin"], made["decided_by"]) == ("mother and daughter", "decision", "tests")
    assert [(p["id"], p["records"]) for p in made["profiles"]] == [(ada, [ONE]), (other, [TWO])]
    (span,) = made["exposure"]["spans"]
    assert (span["profile_id"], span["first_version"], span["last_version"]) == (ada, 2, 2)
    assert span["from"] < span["until"]
    assert made["exposure"]["uses"] == []
    again = await web.post("/v1/decisions", json=said("different"))
    assert (again.status_code, again.json()["id"], again.json()["decided"]) == (200, made["id"], 0)
    shown = await web.get(f"/v1/decisions/{made['id']}")
    assert shown.json() == {name: made[name] for name in shown.json()}


async def test_the_other_verdict_is_a_conflict_that_names_the_one_that_stands(
    web: httpx2.AsyncClient, home: Office
) -> None:
    made = (await web.post("/v1/decisions", json=said("same"))).json()
    answer = await web.post("/v1/decisions", json=said("different"))
    assert made["id"] in problem(answer, 409, "decided_otherwise")["detail"]


async def test_a_contradiction_is_accepted_and_says_against_what(web: httpx2.AsyncClient, home: Office) -> None:
    await home.person("3", day=2)
    third = {"source": "crm", "key": "3"}
    apart = (await web.post("/v1/decisions", json=said("different"))).json()
    await web.post("/v1/decisions", json={"verdict": "same", "a": ONE, "b": third})
    answer = await web.post("/v1/decisions", json={"verdict": "same", "a": TWO, "b": third})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["effect"], made["because"]) == ("refused", "different")
    assert "different" in made["detail"]
    assert made["contradicts"] == [apart["id"]]


async def test_an_answer_has_the_two_as_they_were_sent(web: httpx2.AsyncClient, home: Office) -> None:
    for a, b in ((ONE, TWO), (TWO, ONE)):
        answer = await web.post("/v1/decisions", json={"verdict": "same", "a": a, "b": b})
        assert [{name: answer.json()[side][name] for name in a} for side in "ab"] == [a, b]
        assert (await web.get(f"/v1/decisions/{answer.json()['id']}")).json()["a"]["key"] == "1"


async def test_taking_a_decision_back_can_be_repeated(web: httpx2.AsyncClient, home: Office) -> None:
    made = (await web.post("/v1/decisions", json=said("different"))).json()
    gone = await web.delete(f"/v1/decisions/{made['id']}")
    assert gone.status_code == 200, gone.text
    body = gone.json()
    assert (body["id"], body["revoked"], body["revoked_by"], body["effect"]) == (made["id"], 1, "tests", None)
    assert [p["records"] for p in body["profiles"]] == [[ONE, TWO]]
    again = (await web.delete(f"/v1/decisions/{made['id']}")).json()
    assert (again["revoked"], again["revoked_at"]) == (0, body["revoked_at"])
    assert await home.together("crm/1", "shop/2")


@pytest.mark.parametrize("body", UNDECIDABLE, ids=str)
async def test_what_is_no_decision_is_refused(web: httpx2.AsyncClient, home: Office, body: Any) -> None:
    assert (await web.post("/v1/decisions", json=body)).status_code == 422


async def test_records_that_cannot_be_decided_on_are_pointed_at(web: httpx2.AsyncClient, home: Office) -> None:
    for b, status, code in (
        ({"source": "shop", "key": "\u0001\U0001f600\u202e"}, 404, "unknown_record"),
        ({"source": "nowhere", "key": "1"}, 404, "unknown_record"),
        (ONE, 422, "same_record"),
    ):
        answer = await web.post("/v1/decisions", json={"verdict": "same", "a": ONE, "b": b})
        assert [fault["pointer"] for fault in problem(answer, status, code)["errors"]] == ["/b"]
    for id in ("AAAAAAAAAA", "x", "%00", "\u202e", "A" * 500):
        problem(await web.get(f"/v1/decisions/{id}"), 404, "not_found")
        problem(await web.delete(f"/v1/decisions/{id}"), 404, "not_found")


async def test_a_list_pages_through_all_and_is_narrowed(
    web: httpx2.AsyncClient, office: Office, ids: PublicIds
) -> None:
    for n in range(5):
        await office.person(f"{n}", day=n)
    for n in range(4):
        await office.decide("same", f"crm/{n}", f"crm/{n + 1}")
    seen, cursor = [], ""
    for _ in range(2):
        page = (await web.get(f"/v1/decisions?limit=2{cursor}")).json()
        seen += page["items"]
        cursor = f"&cursor={page['next_cursor']}"
    assert (await web.get(f"/v1/decisions?limit=2{cursor}")).json() == {"items": [], "next_cursor": None}
    assert [(d["a"]["key"], d["b"]["key"]) for d in seen] == [("3", "4"), ("2", "3"), ("1", "2"), ("0", "1")]
    await web.delete(f"/v1/decisions/{seen[0]['id']}")
    profile = ids.encode((await office.of("crm/0")).id)

    async def listed(query: str) -> list[int]:
        items = (await web.get(f"/v1/decisions?{query}")).json()["items"]
        return [[each["id"] for each in seen].index(item["id"]) for item in items]

    assert await listed("standing=true") == [1, 2, 3]
    assert await listed("standing=false") == [0]
    assert await listed(f"profile={profile}&standing=true") == [1, 2, 3]
    assert await listed("source=crm&key=4") == [0]
    assert await listed("source=crm&key=nobody") == []
    assert await listed(f"act={seen[2]['act_id']}") == [2]
    assert await listed("act=none") == []
    problem(await web.get("/v1/decisions?profile=none"), 404, "not_found")
    for wrong in ("source=crm", "key=1", f"source=crm&key=1&profile={profile}", "cursor=x", "limit=501", "standing=7"):
        assert (await web.get(f"/v1/decisions?{wrong}")).status_code == 422, wrong


async def test_merge_split_and_back_over_http(web: httpx2.AsyncClient, office: Office, ids: PublicIds) -> None:
    await office.person("1", first_name="Ada")
    await office.person("2", source="shop", day=1, first_name="Ben")
    ada, ben = ids.encode((await office.of("crm/1")).id), ids.encode((await office.of("shop/2")).id)
    before = {id: (await web.get(f"/v1/profiles/{id}")).json()["traits"] for id in (ada, ben)}
    merged = await web.post(
        f"/v1/profiles/{ada}/merge", json={"with": ben, "reason": "alike"}, headers={"If-Match": '"1"'}
    )
    assert merged.status_code == 200, merged.text
    body = merged.json()
    assert (body["effect"], body["decided"], [p["id"] for p in body["profiles"]]) == ("applied", 1, [ada])
    assert (await web.get(f"/v1/profiles/{ben}")).json()["id"] == ada
    stale = await web.post(f"/v1/profiles/{ada}/split", json={"records": [TWO]}, headers={"If-Match": '"1"'})
    problem(stale, 412, "stale")
    parted = (await web.post(f"/v1/profiles/{ada}/split", json={"records": [TWO]}, headers={"If-Match": '"2"'})).json()
    assert (parted["effect"], parted["decided"], parted["revoked"]) == ("applied", 1, 1)
    assert [(p["id"], p["records"]) for p in parted["profiles"]] == [(ada, [ONE]), (ben, [TWO])]
    assert [(s["profile_id"], s["first_version"], s["last_version"]) for s in parted["exposure"]["spans"]] == [
        (ada, 2, 2)
    ]
    assert {id: (await web.get(f"/v1/profiles/{id}")).json()["traits"] for id in (ada, ben)} == before
    assert (await web.get(f"/v1/profiles/{ben}")).json()["id"] == ben
    refused = await web.post(f"/v1/profiles/{ada}/merge", json={"with": ben})
    assert parted["decisions"][0]["id"] in problem(refused, 409, "decided_otherwise")["detail"]
    undone = await web.delete(f"/v1/decisions/{parted['decisions'][0]['id']}?act=true")
    assert undone.json()["revoked"] == 1


async def test_acts_on_profiles_say_what_is_wrong(web: httpx2.AsyncClient, home: Office, ids: PublicIds) -> None:
    ada = ids.encode((await home.of("crm/1")).id)
    for path, body, status, code in (
        (f"{ada}/merge", {"with": "nobody"}, 404, "not_found"),
        ("nobody/merge", {"with": ada}, 404, "not_found"),
        (f"{ada}/merge", {"with": ada}, 422, "one_profile"),
        (f"{ada}/merge", {"other": ada}, 422, "invalid"),
        (f"{ada}/split", {"records": []}, 422, "invalid"),
        (f"{ada}/split", {"records": [ONE, TWO]}, 422, "nothing_stays"),
        (f"{ada}/split", {"records": [{"source": "crm", "key": "\u0000"}]}, 422, None),
        (f"{ada}/split", {"records": [{"source": "crm", "key": "9"}]}, 422, "not_a_member"),
        ("nobody/split", {"records": [ONE]}, 404, "not_found"),
    ):
        answer = await web.post(f"/v1/profiles/{path}", json=body)
        assert answer.status_code in (status, 400), answer.text
        assert code is None or problem(answer, status, code), path
    for tag in ("7", '"x', "W"):
        answer = await web.post(f"/v1/profiles/{ada}/merge", json={"with": ada}, headers={"If-Match": tag})
        assert answer.status_code == 422


async def test_only_a_reviewer_decides_and_nobody_else_is_told(
    api: FastAPI, rt: Runtime, workspace: Workspace, home: Office, ids: PublicIds
) -> None:
    made = (await home.decide("different", "crm/1", "shop/2")).decisions[0]
    ada, id = ids.encode((await home.of("crm/1")).id), ids.encode(made.id)
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/v1/decisions", said("same")),
        ("GET", "/v1/decisions", None),
        ("GET", f"/v1/decisions/{id}", None),
        ("DELETE", f"/v1/decisions/{id}", None),
        ("POST", f"/v1/profiles/{ada}/merge", {"with": ada}),
        ("POST", f"/v1/profiles/{ada}/split", {"records": [ONE]}),
    ]
    async with client(api, access_token(rt, workspace, "profiles:read", "profiles:write")) as reader:
        for method, path, body in calls:
            problem(await reader.request(method, path, json=body), 403, "insufficient_scope")
    async with client(api, access_token(rt, await new_workspace(rt), "admin")) as stranger:
        for method, path, body in calls:
            answer = await stranger.request(method, path, json=body)
            assert answer.status_code == 404 or answer.json()["items"] == []


def test_the_examples_of_the_documentation_are_of_their_shape() -> None:
    shapes: list[tuple[type[BaseModel], dict[str, Any]]] = [
        (DecisionIn, ASKED),
        (RulingShape, DECISION | OUTCOME),
        (ActShape, ACT),
        (ReviewShape, EXAMPLE),
    ]
    for shape, example in shapes:
        assert set(shape.model_validate(example).model_dump(by_alias=True)) == set(example)
