"""Profiles in GraphQL: the contract's queries, every way to mean a person, their past, and one look-up a request."""

from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI

from app.core.ids import PublicIds
from app.core.runtime import Runtime
from app.domain.lookup import ByIdentifier, ByRecord
from tests.domain.story import Story
from tests.graphql.conftest import Asker
from tests.served import access_token, client
from tests.tenancy import new_workspace

MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
BY = "query ($by: ProfileBy!) { profile(by: $by) { id } }"


@pytest.fixture
async def ada(story: Story, ids: PublicIds) -> str:
    traits = {"email": "ada@example.com", "phone": "+33 6 70 81 92 43", "first_name": "Ada", "lifetime_value": 12}
    await story.record("42", traits, identifiers=[("loyalty_card", "9")], at=MONDAY)
    for n in range(3):
        at = (MONDAY + timedelta(hours=n)).isoformat()
        traits_too = {"traits": {"email": "ada@example.com"}}
        await story.event(
            type="track", event=f"E{n}", userId="7", anonymousId="a1", messageId=f"m{n}", timestamp=at,
            properties={"n": n}, context=traits_too,
        )  # fmt: skip
    await story.event(type="identify", userId="7", messageId="m3", traits={"email": "ada@example.com"})
    return ids.encode((await story.one(ByIdentifier("user_id", "7"))).id)


async def test_the_contracts_first_query_is_answered(asker: Asker, ada: str) -> None:
    found = await asker.ask(
        '{ profile(by: {email: "ada@example.com"})'
        " { id version firstName lifetimeValue segments { name } identifiers { namespace value } } }"
    )
    profile = found["profile"]
    assert (profile["id"], profile["firstName"], profile["lifetimeValue"], profile["segments"]) == (ada, "Ada", 12, [])
    assert {"namespace": "loyalty_card", "value": "9"} in profile["identifiers"]


async def test_the_contracts_second_query_is_answered_in_order(asker: Asker, ada: str) -> None:
    found = await asker.ask(
        '{ profiles(by: [{userId: "nobody"}, {identifier: {namespace: "loyalty_card", value: "9"}}, {id: "ID"}])'
        " { firstName } }".replace("ID", ada)
    )
    assert found["profiles"] == [None, {"firstName": "Ada"}, {"firstName": "Ada"}]


@pytest.mark.parametrize(
    "by",
    [
        {"email": "Ada@Example.com"},
        {"phone": "+33670819243"},
        {"userId": "7"},
        {"anonymousId": "a1"},
        {"identifier": {"namespace": "loyalty card", "value": "9"}},
        {"record": {"source": "crm", "key": "42"}},
    ],
)
async def test_a_person_is_meant_in_every_way(asker: Asker, ada: str, by: dict[str, object]) -> None:
    assert await asker.ask(BY, by=by) == {"profile": {"id": ada}}


@pytest.mark.parametrize(
    "by",
    [
        {"email": "nobody@example.com"},
        {"userId": "null"},
        {"id": "nobody"},
        {"id": "é"},
        {"record": {"source": "\u0001", "key": "\ud7ff"}},
        {"identifier": {"namespace": "", "value": ""}},
        {"email": "x" * 9999},
    ],
)
async def test_nobody_is_null(asker: Asker, ada: str, by: dict[str, object]) -> None:
    assert await asker.ask(BY, by=by) == {"profile": None}


@pytest.mark.parametrize("by", [{}, {"id": "x", "email": "y"}, {"id": None}, {"name": "x"}, {"email": 7}, [], "x"])
async def test_exactly_one_way_is_given(asker: Asker, by: object) -> None:
    assert await asker.refused(BY, by=by)


async def test_all_look_ups_of_a_request_are_one_statement(asker: Asker, ada: str, api: FastAPI) -> None:
    """Counted by PostgreSQL itself, over a query with aliases and a list."""
    statements: list[str] = []
    rt: Runtime = api.state.rt
    await asker.ask("{ __typename }")

    def listen(record: object) -> None:
        statements.append(record.query)  # type: ignore[attr-defined]

    conns = [await rt.pool.acquire() for _ in range(rt.pool.get_max_size())]
    for conn in conns:
        conn.add_query_logger(listen)
        await rt.pool.release(conn)
    try:
        await asker.ask(
            '{ a: profile(by: {userId: "7"}) { id } b: profile(by: {email: "ada@example.com"}) { id }'
            ' c: profiles(by: [{id: "ID"}, {userId: "8"}]) { id } }'.replace("ID", ada)
        )
    finally:
        conns = [await rt.pool.acquire() for _ in range(rt.pool.get_max_size())]
        for conn in conns:
            conn.remove_query_logger(listen)
            await rt.pool.release(conn)
    assert sum("WITH RECURSIVE asked" in statement for statement in statements) == 1, statements


async def test_values_come_with_their_provenance(asker: Asker, ada: str) -> None:
    found = await asker.ask(
        '{ profile(by: {id: "ID"}) { traits(names: ["first_name", "nothing", "first_name"])'
        " { name value source key observedAt rule } records { source key } } }".replace("ID", ada)
    )
    assert found["profile"]["traits"] == [
        {
            "name": "first_name", "value": "Ada", "source": "crm", "key": "42",
            "observedAt": "2026-11-02T09:00:00Z", "rule": "latest",
        }
    ]  # fmt: skip
    assert {"source": "crm", "key": "42"} in found["profile"]["records"]


async def test_the_past_is_read_in_pages_versions_and_instants(asker: Asker, story: Story, ada: str) -> None:
    before = (await asker.ask('{ profile(by: {id: "ID"}) { version updatedAt } }'.replace("ID", ada)))["profile"]
    await story.record("42", {"first_name": "Augusta"})
    found = await asker.ask(
        'query ($n: Int!, $then: DateTime!) { profile(by: {id: "ID"}) { version firstName createdAt'
        " atVersion(version: $n) { version firstName } at(instant: $then) { firstName }"
        " none: atVersion(version: 99) { id }"
        " history(first: 1) { nextCursor items { version reason traits { name old new }"
        " causes { source key } } } } }".replace("ID", ada),
        n=before["version"],
        then=before["updatedAt"],
    )
    profile = found["profile"]
    assert profile["firstName"] == "Augusta"
    assert profile["atVersion"] == {"version": before["version"], "firstName": "Ada"}
    assert profile["at"] == {"firstName": "Ada"}
    assert profile["none"] is None
    (change,) = profile["history"]["items"]
    assert change["traits"] == [{"name": "first_name", "old": "Ada", "new": "Augusta"}]
    older = await asker.ask(
        'query ($after: String) { profile(by: {id: "ID"}) { history(after: $after) { items { version } } } }'.replace(
            "ID", ada
        ),
        after=profile["history"]["nextCursor"],
    )
    assert [each["version"] for each in older["profile"]["history"]["items"]] == list(
        range(change["version"] - 1, 0, -1)
    )


async def test_events_are_read_in_pages(asker: Asker, ada: str) -> None:
    query = (
        'query ($after: String) { profile(by: {id: "ID"}) { events(first: 3, after: $after)'
        " { nextCursor items { messageId type name occurredAt receivedAt source properties } } } }".replace("ID", ada)
    )
    first = (await asker.ask(query))["profile"]["events"]
    assert [event["messageId"] for event in first["items"]] == ["m3", "m2", "m1"]
    assert (first["items"][1]["name"], first["items"][1]["properties"]) == ("E2", {"n": 2})
    rest = (await asker.ask(query, after=first["nextCursor"]))["profile"]["events"]
    assert ([event["messageId"] for event in rest["items"]], rest["nextCursor"]) == (["m0"], None)


async def test_a_field_that_cannot_be_answered_says_why_and_leaves_the_others(asker: Asker, ada: str) -> None:
    for field in (
        'events(after: "made up") { nextCursor }',
        "history(first: 0) { nextCursor }",
        'at(instant: "yesterday") { id }',
        'at(instant: "2026-11-02T09:00:00") { id }',
    ):
        answer = await asker.raw(
            '{ a: __typename profile(by: {id: "ID"}) { firstName x: FIELD } }'.replace("ID", ada).replace(
                "FIELD", field
            )
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["data"]["a"] == "Query"
        (error,) = answer.json()["errors"]
        assert error["path"] == ["profile", "x"]
        assert error["extensions"]["code"] in ("bad_cursor", "bad_first", "bad_time", "naive_time")


async def test_a_merged_id_answers_with_the_survivor_and_with_its_own_past(
    asker: Asker, story: Story, ids: PublicIds
) -> None:
    for n in ("1", "2"):
        await story.record(n, {"first_name": f"P{n}"}, at=MONDAY + timedelta(hours=int(n)))
    one, two = [ids.encode((await story.one(ByRecord("crm", n))).id) for n in ("1", "2")]
    apart = story.rt.now().isoformat()
    for n in ("1", "2"):
        await story.record(n, identifiers=[("loyalty_card", "9")])
    found = await asker.ask(
        'query ($then: DateTime!) { profile(by: {id: "ID"}) { id at(instant: $then) { id firstName } } }'.replace(
            "ID", two
        ),
        then=apart,
    )
    assert found["profile"] == {"id": one, "at": {"id": two, "firstName": "P2"}}


async def test_a_thousand_people_are_asked_at_once_and_no_more(asker: Asker, ada: str) -> None:
    query = "query ($by: [ProfileBy!]!) { profiles(by: $by) { id firstName version } }"
    found = await asker.ask(query, by=[{"userId": "7"}, {"userId": "8"}] * 500)
    assert found["profiles"][::2] == [found["profiles"][0]] * 500
    assert found["profiles"][1::2] == [None] * 500
    answer = await asker.raw(query, by=[{"userId": "7"}] * 1001)
    assert answer.json()["errors"][0]["extensions"]["code"] == "too_many_lookups"


async def test_another_workspace_sees_nobody(api: FastAPI, rt: Runtime, ada: str) -> None:
    async with client(api, access_token(rt, await new_workspace(rt), "profiles:read")) as session:
        found = await Asker(session).ask(
            'query { a: profile(by: {id: "ID"}) { id } b: profile(by: {userId: "7"}) { id } }'.replace("ID", ada)
        )
    assert found == {"a": None, "b": None}
