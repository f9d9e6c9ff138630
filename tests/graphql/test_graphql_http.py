"""GraphQL over HTTP beyond the audits: who may ask, media types, and answers to any request at all."""

import httpx2
import pytest
from fastapi import FastAPI

from app.api.graphql.http import accepted
from app.core.runtime import Runtime
from app.domain.workspaces import Workspace
from tests.domain.story import Story
from tests.graphql.conftest import Asker
from tests.served import access_token, client

RESPONSE = "application/graphql-response+json"
TYPENAME = "{ __typename }"


def is_problem(answer: httpx2.Response, status: int) -> bool:
    return answer.status_code == status and answer.headers["content-type"] == "application/problem+json"


async def test_a_token_with_the_scope_is_needed_for_anything(api: FastAPI, rt: Runtime, workspace: Workspace) -> None:
    async with client(api) as nobody:
        answer = await nobody.post("/graphql", json={"query": TYPENAME})
        assert is_problem(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert is_problem(await nobody.get("/graphql", params={"query": TYPENAME}), 401)
    async with client(api, access_token(rt, workspace, "ingest:write")) as unscoped:
        assert is_problem(await unscoped.post("/graphql", json={"query": TYPENAME}), 403)


async def test_get_and_post_give_the_same(asker: Asker) -> None:
    query = "query Q($n: String!) { __type(name: $n) { name } }"
    posted = await asker.session.post(
        "/graphql", json={"query": query, "variables": {"n": "Identifier"}, "operationName": "Q"}
    )
    got = await asker.session.get(
        "/graphql", params={"query": query, "variables": '{"n": "Identifier"}', "operationName": "Q"}
    )
    assert posted.json() == got.json() == {"data": {"__type": {"name": "Identifier"}}}
    assert posted.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize(
    ("header", "media"),
    [
        (None, "application/json"), ("", "application/json"), ("*/*", "application/json"),
        ("application/*", "application/json"), (RESPONSE, RESPONSE), ("application/json", "application/json"),
        (f"{RESPONSE}, application/json;q=0.9", RESPONSE), (f"application/json;q=0.5, {RESPONSE};q=0.6", RESPONSE),
        (f"{RESPONSE};q=0, */*", "application/json"), (f"{RESPONSE}; charset=utf-8", RESPONSE),
        ("text/html", None), (f"{RESPONSE}; charset=utf-16", None), (f"{RESPONSE};q=x", None), (";;,,", None),
    ],
)  # fmt: skip
def test_the_answers_media_type_is_the_callers_choice(header: str | None, media: str | None) -> None:
    assert accepted(header) == media


async def test_what_cannot_be_accepted_is_said(asker: Asker) -> None:
    answer = await asker.session.post("/graphql", json={"query": TYPENAME}, headers={"Accept": "text/html"})
    assert is_problem(answer, 406)


@pytest.mark.parametrize(
    "kind", ["text/plain", "", "application/x-www-form-urlencoded", "application/json; charset=utf-16"]
)
async def test_a_body_of_another_kind_is_refused(asker: Asker, kind: str) -> None:
    answer = await asker.session.post(
        "/graphql", content=b'{"query": "{ __typename }"}', headers={"Content-Type": kind}
    )
    assert is_problem(answer, 415)


async def test_only_queries_go_by_get(asker: Asker) -> None:
    answer = await asker.session.get("/graphql", params={"query": "mutation { __typename }"})
    assert is_problem(answer, 405)
    assert answer.headers["allow"] == "POST"
    fine = await asker.session.get("/graphql", params={"query": "query mutation { __typename }"})
    assert fine.json() == {"data": {"__typename": "Query"}}


async def test_an_operation_is_named_where_there_are_several(asker: Asker) -> None:
    query = "query A { a: __typename } query B { b: __typename }"
    answer = await asker.session.post("/graphql", json={"query": query, "operationName": "B"})
    assert answer.json() == {"data": {"b": "Query"}}
    assert "operationName" in await asker.refused(query)


ODD = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b"{",
    b"\xff",
    b"[" * 5000,
    b'{"query": 1}',
    b'{"query": ""}',
    b'{"query": "{"}',
    b'{"query": "\\u0000"}',
    b'{"query": "\\ud800"}',
    b'{"query": NaN}',
    b'{"query": "{__typename}", "query": "x"}',
    b'{"query": "{__typename}", "variables": []}',
    b'{"query": "{__typename}", "variables": "{}"}',
    b'{"query": "{__typename}", "operationName": 1}',
    b'{"query": "{__typename}", "operationName": "\\u00e9"}',
    b'{"query": "{__typename}", "operationName": ""}',
    b'{"query": "{__typename}", "extensions": 1}',
    b'{"query": "query($a: Int){__typename @skip(if: $a)}"}',
    b'{"query": "fragment F on Query { __typename }"}',
    b'{"query": "query($by: ProfileBy!){profile(by: $by){id}}", "variables": {"by": 1e300}}',
    b'{"query": "subscription { __typename }"}',
    b'{"query": "mutation { __typename }"}',
    b'{"query": "schema { query: Q }"}',
    b'{"query": "{profile(by:{id:\\"\\\\u0000\\"}){id}}"}',
    b'{"query": "{profile(by:{record:{source:\\"\\\\u0000\\",key:\\"\\\\u0000\\"}}){id}}"}',
    b'{"query": "{profile(by:{email:\\"\\\\u0000\\"}){traits(names:[\\"\\\\u0000\\"]){name}}}"}',
    b'{"query": "query($n: Int!){profile(by:{id:\\"x\\"}){history(first:$n){nextCursor}}}", "variables": {"n": 1e10}}',
    b'{"query": "{profile(by:{id:\\"x\\"}){atVersion(version:99999999999){id}}}"}',
    b'{"query": "{profile(by:{id:\\"x\\"}){history(first:' + b"9" * 5000 + b'){nextCursor}}}"}',
]


async def test_no_request_fails(asker: Asker) -> None:
    for body in ODD:
        for accept in (RESPONSE, "application/json"):
            headers = {"Content-Type": "application/json", "Accept": accept}
            answer = await asker.session.post("/graphql", content=body, headers=headers)
            assert answer.status_code in (200, 400), (body, answer.text)
            assert answer.headers["content-type"].startswith(accept)
            assert answer.json().keys() <= {"data", "errors"}
    for query in (
        "query=%ff",
        "query=%00",
        "",
        "query",
        "query={__typename}&variables={",
        "variables=1",
        "query=" + "a" * 40_000,
        "query={__typename}&variables=[]",
        "query={__typename}&extensions=1",
        "query={__typename}&operationName=%00",
        "a=1&" * 2000,
    ):
        answer = await asker.session.get(f"/graphql?{query}")
        assert answer.status_code in (200, 400, 414), (query, answer.text)


async def test_a_body_past_the_limit_is_refused(asker: Asker) -> None:
    body = b'{"query": "{ __typename }", "extensions": {"a": "' + b"x" * 1024 * 1024 + b'"}}'
    answer = await asker.session.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    assert is_problem(answer, 413)


async def test_a_failure_of_ours_is_said_without_a_word_of_what_it_was(
    asker: Asker, story: Story, workspace: Workspace
) -> None:
    """A profile whose sealed part was changed behind our back: the error names a code, never the value or the cause."""
    await story.record("42", {"email": "ada@example.com"})
    async with story.rt.begin(workspace.id) as tx:
        await tx.conn.execute(
            "UPDATE profiles SET sealed = '\\x0102030405060708' WHERE workspace_id = $1", workspace.id
        )
    answer = await asker.raw('{ __typename profile(by: {email: "ada@example.com"}) { id } }')
    (error,) = answer.json()["errors"]
    assert answer.json()["data"] == {"__typename": "Query", "profile": None}
    assert error["extensions"] == {"code": "tampered"}
    assert "ada" not in answer.text
