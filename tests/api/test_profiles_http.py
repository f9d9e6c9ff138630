"""`/v1/profiles` over HTTP: shapes, entity tags, cursors, scopes, and answers to any input at all."""

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from fastapi import FastAPI

from app.core.ids import PublicIds
from app.core.runtime import Runtime
from app.domain.lookup import ByIdentifier, ByRecord
from app.domain.workspaces import Workspace
from tests.domain.story import Story
from tests.served import READ_AND_WRITE, access_token, client
from tests.tenancy import new_workspace

MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
ADA = {"namespace": "email", "value": "ada@example.com"}


@pytest.fixture
async def web(api: FastAPI, rt: Runtime, workspace: Workspace) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(api, access_token(rt, workspace, *READ_AND_WRITE)) as session:
        yield session


@pytest.fixture
async def ada(story: Story, ids: PublicIds) -> str:
    """The public id of a person with a record and a few events."""
    traits = {"email": "ada@example.com", "first_name": "Ada", "country": "FR"}
    await story.record("42", traits, identifiers=[("user_id", "7")], at=MONDAY)
    for n in range(5):
        at = (MONDAY + timedelta(hours=n)).isoformat()
        await story.event(type="track", event=f"E{n}", userId="7", messageId=f"m{n}", timestamp=at, properties={"n": n})
    return ids.encode((await story.one(ByIdentifier("user_id", "7"))).id)


def problem(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body.keys() == {"type", "title", "status", "detail", "code", "errors"}
    assert (body["status"], body["code"]) == (status, code)
    return body


async def test_look_ups_answer_in_their_order_with_the_contracts_shape(web: httpx2.AsyncClient, ada: str) -> None:
    asked = [ADA, {"source": "crm", "key": "42"}, {"id": ada}, {"id": "nobody"}, {"namespace": "user_id", "value": 7}]
    answer = await web.post("/v1/profiles/lookup", json={"lookups": asked})
    assert answer.status_code == 200, answer.text
    found = answer.json()["profiles"]
    assert [p and p["id"] for p in found] == [ada, ada, ada, None, ada]
    assert found[0].keys() == {
        "id", "version", "traits", "identifiers", "records", "consents", "segments", "created_at", "updated_at",
    }  # fmt: skip
    assert found[0]["traits"] == {"country": "FR", "email": "ada@example.com", "first_name": "Ada"}
    assert ADA in found[0]["identifiers"]
    assert {"source": "crm", "key": "42"} in found[0]["records"]


async def test_verbose_tells_where_each_value_came_from(web: httpx2.AsyncClient, ada: str) -> None:
    profile = (await web.get(f"/v1/profiles/{ada}", params={"verbose": "true"})).json()
    assert profile["traits"]["first_name"] == {
        "value": "Ada", "source": "crm", "key": "42", "observed_at": "2026-11-02T09:00:00Z", "rule": "latest",
    }  # fmt: skip


async def test_the_entity_tag_is_the_version_and_saves_the_body(web: httpx2.AsyncClient, ada: str) -> None:
    first = await web.get(f"/v1/profiles/{ada}")
    tag = first.headers["etag"]
    assert tag == f'"{first.json()["version"]}"'
    for known in (tag, f"W/{tag}", f'"0", {tag}', "*"):
        again = await web.get(f"/v1/profiles/{ada}", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag), known
    other = await web.get(f"/v1/profiles/{ada}", headers={"If-None-Match": '"999"'})
    assert other.status_code == 200


async def test_a_patch_under_the_version_seen_makes_the_next_one(web: httpx2.AsyncClient, ada: str) -> None:
    before = await web.get(f"/v1/profiles/{ada}")
    patched = await web.patch(
        f"/v1/profiles/{ada}",
        json={"traits": {"first_name": "Augusta", "country": None}},
        headers={"If-Match": before.headers["etag"]},
    )
    assert patched.status_code == 200, patched.text
    assert patched.json()["traits"] == {"email": "ada@example.com", "first_name": "Augusta"}
    assert patched.headers["etag"] == f'"{before.json()["version"] + 1}"'
    assert (await web.get(f"/v1/profiles/{ada}")).json() == patched.json()


@pytest.mark.parametrize("tag", ['"999"', 'W/"{version}"', '"x"', '"0{version}"', '""'])
async def test_a_patch_under_another_version_is_refused(web: httpx2.AsyncClient, ada: str, tag: str) -> None:
    before = (await web.get(f"/v1/profiles/{ada}")).json()
    stale = await web.patch(
        f"/v1/profiles/{ada}",
        json={"traits": {"first_name": "Augusta"}},
        headers={"If-Match": tag.replace("{version}", str(before["version"]))},
    )
    problem(stale, 412, "stale")
    assert (await web.get(f"/v1/profiles/{ada}")).json() == before


async def test_a_patch_that_names_no_version_is_taken(web: httpx2.AsyncClient, ada: str) -> None:
    for headers in ({}, {"If-Match": "*"}):
        answer = await web.patch(f"/v1/profiles/{ada}", json={"traits": {"n": len(headers)}}, headers=headers)
        assert answer.json()["traits"]["n"] == len(headers)


async def test_a_malformed_precondition_is_refused(web: httpx2.AsyncClient, ada: str) -> None:
    for bad in ("7", '"7', "x,y", '"7" "8"', ","):
        answer = await web.patch(f"/v1/profiles/{ada}", json={"traits": {}}, headers={"If-Match": bad})
        assert problem(answer, 422, "refused")["errors"][0]["pointer"] == "/If-Match", bad


async def test_a_patch_names_each_value_that_it_cannot_take(web: httpx2.AsyncClient, ada: str) -> None:
    answer = await web.patch(f"/v1/profiles/{ada}", json={"traits": {"birthday": "soon", "email": "x", "ok": 1}})
    faults = problem(answer, 422, "invalid")["errors"]
    assert [fault["pointer"] for fault in faults] == ["/traits/birthday", "/traits/email"]
    assert "soon" not in answer.text


async def test_a_merged_id_reads_as_the_survivor_and_is_not_patched_blindly(
    web: httpx2.AsyncClient, story: Story, ids: PublicIds
) -> None:
    for n in ("1", "2"):
        await story.record(n, {"first_name": f"P{n}"}, at=MONDAY + timedelta(hours=int(n)))
    one, two = [ids.encode((await story.one(ByRecord("crm", n))).id) for n in ("1", "2")]
    for city in ("Rome", "Paris"):
        await story.record("2", {"city": city}, at=MONDAY + timedelta(days=len(city)))
    seen = (await web.get(f"/v1/profiles/{two}")).headers["etag"]
    for n in ("1", "2"):
        await story.record(n, identifiers=[("loyalty_card", "9")])
    survivor = await web.get(f"/v1/profiles/{two}", headers={"If-None-Match": seen})
    assert f'"{survivor.json()["version"]}"' == seen, "both have had a version of this number"
    assert survivor.json()["id"] == one
    assert survivor.headers["etag"] != seen
    late = await web.patch(f"/v1/profiles/{two}", json={"traits": {"a": 1}}, headers={"If-Match": seen})
    assert one in problem(late, 412, "stale")["detail"]
    followed = (await web.get(f"/v1/profiles/{two}/versions")).json()["items"]
    own = (await web.get(f"/v1/profiles/{two}/versions", params={"follow": "false"})).json()["items"]
    assert followed[0]["other_profile"] == two
    assert (own[0]["reason"], own[0]["other_profile"]) == ("merged_into", one)
    was = await web.get(f"/v1/profiles/{two}/versions/1", params={"follow": "false"})
    assert was.json()["traits"] == {"first_name": "P2"}


async def test_past_versions_and_instants_are_read_back(web: httpx2.AsyncClient, ada: str) -> None:
    before = (await web.get(f"/v1/profiles/{ada}")).json()
    await web.patch(f"/v1/profiles/{ada}", json={"traits": {"first_name": "Augusta"}})
    version = await web.get(f"/v1/profiles/{ada}/versions/{before['version']}")
    instant = await web.get(f"/v1/profiles/{ada}", params={"at": before["updated_at"]})
    assert version.json() == instant.json() == before
    changes = (await web.get(f"/v1/profiles/{ada}/versions")).json()["items"]
    assert changes[0]["traits"] == {"first_name": {"old": "Ada", "new": "Augusta"}}
    assert changes[0]["causes"][0]["source"] in ("crm", "edits")
    problem(await web.get(f"/v1/profiles/{ada}", params={"at": "1999-01-01T00:00:00Z"}), 404, "not_found")
    problem(await web.get(f"/v1/profiles/{ada}/versions/999"), 404, "not_found")


async def test_events_are_listed_in_pages(web: httpx2.AsyncClient, ada: str) -> None:
    seen: list[dict[str, Any]] = []
    cursor: str | None = None
    for _ in range(9):
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await web.get(f"/v1/profiles/{ada}/events", params=params)).json()
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [event["message_id"] for event in seen] == ["m4", "m3", "m2", "m1", "m0"]
    assert seen[0].keys() == {
        "message_id", "type", "name", "occurred_at", "received_at", "source", "properties",
    }  # fmt: skip
    assert seen[0]["properties"] == {"n": 4}


async def test_a_cursor_of_another_list_or_of_ones_own_making_is_refused(web: httpx2.AsyncClient, ada: str) -> None:
    cursor = (await web.get(f"/v1/profiles/{ada}/events", params={"limit": 1})).json()["next_cursor"]
    for list_name, bad in [
        ("versions", cursor),
        ("events", cursor[:-1]),
        ("events", cursor + "A"),
        ("events", "x"),
        ("events", ""),
        ("events", "é"),
        ("versions", "\0"),
        ("events", "A" * 200),
    ]:
        answer = await web.get(f"/v1/profiles/{ada}/{list_name}", params={"cursor": bad})
        problem(answer, 422, "bad_cursor")


async def test_nobody_reads_or_edits_without_the_scope_or_in_another_workspace(
    api: FastAPI, rt: Runtime, workspace: Workspace, ada: str
) -> None:
    other = await new_workspace(rt)
    calls: list[tuple[str, str, Any]] = [
        ("GET", f"/v1/profiles/{ada}", None),
        ("GET", f"/v1/profiles/{ada}/versions", None),
        ("GET", f"/v1/profiles/{ada}/versions/1", None),
        ("GET", f"/v1/profiles/{ada}/events", None),
        ("PATCH", f"/v1/profiles/{ada}", {"traits": {"a": 1}}),
    ]
    async with client(api) as nobody:
        for method, path, body in calls:
            problem(await nobody.request(method, path, json=body), 401, "unauthenticated")
    async with client(api, access_token(rt, workspace, "ingest:write")) as unscoped:
        for method, path, body in calls:
            problem(await unscoped.request(method, path, json=body), 403, "insufficient_scope")
    async with client(api, access_token(rt, other, *READ_AND_WRITE)) as stranger:
        answers = [await stranger.request(method, path, json=body) for method, path, body in calls]
        unknown = await stranger.get("/v1/profiles/nosuchprofile")
        found = await stranger.post("/v1/profiles/lookup", json={"lookups": [ADA, {"id": ada}]})
    assert {problem(answer, 404, "not_found")["detail"] for answer in answers} == {unknown.json()["detail"]}
    assert found.json() == {"profiles": [None, None]}


ODD = [
    "", " ", "%", "..", "a" * 600, "é", "\0", "\ud7ff", "\U0001f600", "0", "-1", "9" * 30, "null", "NaN", "1e400",
    "' OR 1=1 --", "${x}", "{{7*7}}", "2026-13-45T99:99:99Z", "9999-12-31T23:59:59.999999+14:00",
    "0001-01-01T00:00:00+14:00", "infinity", "2026-11-20",
]  # fmt: skip


async def test_odd_paths_and_parameters_are_answered_and_never_fail(web: httpx2.AsyncClient, ada: str) -> None:
    paths = [f"/v1/profiles/{quote(odd, safe='')}{tail}" for odd in ODD for tail in ("", "/versions", "/events")]
    paths += [f"/v1/profiles/{ada}/versions/{quote(odd, safe='')}" for odd in ODD]
    paths += [
        f"/v1/profiles/{ada}{tail}?{name}={quote(odd, safe='')}"
        for odd, tail, name in itertools.product(
            ODD, ("", "/versions", "/events"), ("at", "limit", "cursor", "verbose", "follow")
        )
    ]
    for path in paths:
        answer = await web.get(path)
        assert answer.status_code < 500, (path, answer.text)
        assert "\0" not in answer.text


async def test_odd_bodies_are_answered_and_never_fail(web: httpx2.AsyncClient, ada: str) -> None:
    texts = [
        b"", b"null", b"[]", b"{}", b"{", b"\xff", b'{"lookups": NaN}', b'{"lookups": [1e400]}', b'"\\ud800"',
        b"[" * 5000, b'{"lookups": [], "lookups": []}', b'{"lookups": [{"id": "\\u0000"}]}',
        b'{"lookups": [{"namespace": "email", "value": "\\u0000"}]}', b'{"lookups": [{"id": null}]}',
        b'{"lookups": [{"namespace": "email", "value": true}]}', b'{"lookups": [{"id": "x", "key": "y"}]}',
        b'{"lookups": [{"source": "crm", "key": 42}]}', b'{"lookups": [{"namespace": "email", "value": 1e300}]}',
        b'{"lookups": [{"namespace": "a", "value": 9223372036854775807}]}',
        b'{"traits": {"a": NaN}}', b'{"traits": []}', b'{"traits": {"\\u0000": 1}}', b'{"traits": {"": 1}}',
        b'{"traits": {"a": "\\ud800"}}', b'{"lookups": [' + b",".join([b'{"id": "x"}'] * 1001) + b"]}",
    ]  # fmt: skip
    for body in texts:
        for kind in ("application/json", "text/plain", "application/json; charset=utf-16", ""):
            headers = {"Content-Type": kind}
            looked = await web.post("/v1/profiles/lookup", content=body, headers=headers)
            patched = await web.patch(f"/v1/profiles/{ada}", content=body, headers=headers)
            assert looked.status_code in (200, 422) or looked.status_code == 415, (body, looked.text)
            assert patched.status_code in (200, 422), (body, patched.text)


async def test_a_body_past_the_limit_is_refused(web: httpx2.AsyncClient, ada: str) -> None:
    big = b'{"traits": {"a": "' + b"x" * 1024 * 1024 + b'"}}'
    problem(
        await web.patch(f"/v1/profiles/{ada}", content=big, headers={"Content-Type": "application/json"}),
        413,
        "too_large",
    )


async def test_every_odd_text_goes_round_as_it_was(web: httpx2.AsyncClient, ada: str) -> None:
    for text in (
        "é",
        "ﬁ",
        "👩‍👩‍👧",
        "\u202etxt",
        "Ω≈ç√",
        "<script>",
        "a\nb\tc",
        "\ufeff",
        "\x7f",
        "١٢٣",
        "'; DROP TABLE",
    ):
        answer = await web.patch(f"/v1/profiles/{ada}", json={"traits": {"odd_text": text}})
        assert answer.status_code == 200, (text, answer.text)
        assert answer.json()["traits"]["odd_text"] == text
