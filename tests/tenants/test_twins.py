"""Two workspaces with the same people in them: over HTTP, each sees its own twin and never a trace of the other's."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from app.core.ids import PublicIds
from app.domain import keys
from app.domain.tokens import token
from app.identity.identifier import Identifier
from tests.live import Client, Live, client_of

EMAIL = "ada@mail.example"
SCOPES = ("ingest:write", "profiles:read", "profiles:write", "admin")
UNKNOWN = 2**62 + 1
"""A row id that nobody has."""

RECORD = {"key": "1", "traits": {"city": "Oslo"}}
LISTS = ("traits", "sources", "quarantine?state=all", "imports", "policy")


@dataclass
class Twin:
    """One of the two: what it calls its things, and the ids they have. `mark` is in all that it ever sent."""

    client: Client
    mark: str
    profile_id: str
    quarantine_id: str
    import_id: str

    @property
    def ids(self) -> PublicIds:
        return PublicIds(self.client.workspace.salt)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        bearer = {"Authorization": f"Bearer {self.client.live.token(*SCOPES, workspace=self.client.workspace.name)}"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.http.request(method, path, json=body, headers=bearer | named)

    async def graphql(self, query: str) -> Any:
        answer = await self.ask("POST", "/graphql", {"query": query})
        assert answer.status_code == 200, answer.text
        return answer.json()


async def twin(client: Client, mark: str) -> Twin:
    """Somebody with Ada's address in every mouth: records, events, an import, and something set aside."""
    said = {"email": EMAIL, "nickname": mark, f"of_{mark}": mark}
    identifiers = [{"namespace": "card", "value": f"c-{mark}"}, {"namespace": "user_id", "value": "same"}]
    record = {"key": "42", "traits": said, "identifiers": identifiers}
    assert (
        await client.records([record, {"key": mark, "traits": {"nickname": mark}}], query="?wait=resolved")
    ).status_code == 202
    assert (await client.records([RECORD], source=f"shop_{mark}")).status_code == 202
    event = {"type": "track", "event": mark, "userId": "same", "messageId": f"m-{mark}", "properties": {"p": mark}}
    wrong = {"type": "track", "event": mark, "messageId": f"w-{mark}"}
    assert (await client.send("batch", {"batch": [event, wrong]})).status_code == 200
    assert (await client.fate(f"m-{mark}"))["fate"] == "applied"
    made = Twin(client, mark, "", "", "")
    asked = {"lookups": [{"namespace": "email", "value": EMAIL}]}
    (profile,) = (await made.ask("POST", "/v1/profiles/lookup", asked)).json()["profiles"]
    made.profile_id = profile["id"]
    (aside,) = (await made.ask("GET", "/v1/quarantine")).json()["items"]
    made.quarantine_id = aside["id"]
    made.import_id = await imported(made)
    return made


async def imported(one: Twin) -> str:
    file = f"key,nickname\n7,{one.mark}\n,{one.mark}\n"
    kind = one.client.bearer | {"Content-Type": "text/csv"}
    answer = await one.client.http.post("/v1/imports?source=crm", content=file, headers=kind)
    assert answer.status_code == 202, answer.text
    for _ in range(400):
        found = (await one.ask("GET", f"/v1/imports/{answer.json()['id']}")).json()
        if found["state"] not in ("waiting", "running", "uploading"):
            return str(found["id"])
        await asyncio.sleep(0.05)
    pytest.fail("the import has not ended")


@pytest.fixture(scope="module")
async def twins(live: Live) -> AsyncIterator[tuple[Twin, Twin]]:
    async with AsyncExitStack() as ends:
        clients = [await ends.enter_async_context(client_of(live)) for _ in range(2)]
        yield await twin(clients[0], "zebra"), await twin(clients[1], "quokka")


def both_ways(twins: tuple[Twin, Twin]) -> Iterator[tuple[Twin, Twin]]:
    yield twins
    yield twins[1], twins[0]


async def test_the_same_person_is_two_people(twins: tuple[Twin, Twin]) -> None:
    for one, other in both_ways(twins):
        lookups = [
            {"namespace": "email", "value": EMAIL},
            {"namespace": "user_id", "value": "same"},
            {"source": "crm", "key": "42"},
            {"namespace": "card", "value": f"c-{other.mark}"},
            {"source": f"shop_{other.mark}", "key": "1"},
            {"source": "crm", "key": other.mark},
            {"id": other.profile_id},
        ]
        answer = await one.ask("POST", "/v1/profiles/lookup?verbose=true", {"lookups": lookups})
        found = answer.json()["profiles"]
        assert [profile and profile["id"] for profile in found] == [one.profile_id] * 3 + [None] * 4
        assert one.mark in answer.text
        assert other.mark not in answer.text


async def test_no_read_shows_anything_of_the_other(twins: tuple[Twin, Twin]) -> None:
    for one, other in both_ways(twins):
        own = (f"profiles/{one.profile_id}{rest}" for rest in ("", "/versions", "/versions/1", "/events"))
        more = (f"quarantine/{one.quarantine_id}", f"imports/{one.import_id}", f"imports/{one.import_id}/rejected")
        shown = []
        for path in (*LISTS, *own, *more, f"messages/m-{one.mark}"):
            answer = await one.ask("GET", f"/v1/{path}")
            assert answer.status_code == 200, (path, answer.text)
            assert other.mark not in answer.text, path
            shown.append(one.mark in answer.text)
        assert sum(shown) >= 8
        for path in ("/metrics", "/openapi.json", "/readyz"):
            assert other.mark not in (await one.client.http.get(path)).text


def calls(one: Twin, *, id: str, quarantine_id: str, import_id: str, name: str) -> Mapping[str, Any]:
    """Everything that can be asked of one thing, with what goes along."""
    return {
        f"GET /v1/profiles/{id}": None,
        f"GET /v1/profiles/{id}?at=2026-11-20T00:00:00Z": None,
        f"GET /v1/profiles/{id}/versions": None,
        f"GET /v1/profiles/{id}/versions/1": None,
        f"GET /v1/profiles/{id}/events": None,
        f"PATCH /v1/profiles/{id}": {"traits": {"city": "Paris"}},
        f"GET /v1/quarantine/{quarantine_id}": None,
        f"PUT /v1/quarantine/{quarantine_id}": {"type": "track"},
        f"POST /v1/quarantine/{quarantine_id}/replay": None,
        f"POST /v1/quarantine/{quarantine_id}/discard": {"reason": "not mine"},
        f"GET /v1/imports/{import_id}": None,
        f"GET /v1/imports/{import_id}/rejected": None,
        f"GET /v1/messages/m-{name}": None,
        f"GET /v1/traits/of_{name}": None,
        f"GET /v1/sources/shop_{name}": None,
        f"PATCH /v1/sources/shop_{name}": {"priority": 3},
        f"POST /v1/sources/shop_{name}/key": None,
        f"DELETE /v1/sources/shop_{name}": None,
    }


async def test_what_is_the_other_s_answers_as_what_never_was(twins: tuple[Twin, Twin]) -> None:
    for one, other in both_ways(twins):
        never = [one.ids.encode(UNKNOWN)] * 3
        foreign = [other.profile_id, other.quarantine_id, other.import_id]
        # Somebody who has guessed our salt still names rows that are not his.
        numbers = [one.ids.encode(other.ids.decode(id) or 0) for id in foreign]
        expected = await _answers(one, never, "nobody")
        assert {status for status, _ in expected} == {404}
        assert await _answers(one, foreign, other.mark) == expected
        assert await _answers(one, numbers, other.mark) == expected


async def _answers(one: Twin, ids: list[str], name: str) -> list[tuple[int, str]]:
    """Status and body of every call, with the names that were sent left out of it."""
    id, quarantine_id, import_id = ids
    found = []
    for call, body in calls(one, id=id, quarantine_id=quarantine_id, import_id=import_id, name=name).items():
        method, path = call.split(" ", 1)
        answer = await one.ask(method, path, body, If_Match='"1"')
        found.append((answer.status_code, answer.text.replace(name, "X")))
    return found


async def test_graphql_has_a_schema_and_people_for_each(twins: tuple[Twin, Twin]) -> None:
    for one, other in both_ways(twins):
        own = f"of{one.mark.capitalize()}"
        query = f'{{ profile(by: {{email: "{EMAIL}"}}) {{ id nickname {own} identifiers {{ value }} }} }}'
        answer = await one.graphql(query)
        assert answer["data"]["profile"]["id"] == one.profile_id
        assert answer["data"]["profile"][own] == one.mark
        assert other.mark not in str(answer)
        schema = str(await one.graphql('{ __type(name: "Profile") { fields { name } } }'))
        assert own in schema
        assert other.mark.capitalize() not in schema
        strangers = f'{{ a: profile(by: {{id: "{other.profile_id}"}}) {{ id }}'
        strangers += f' b: profile(by: {{identifier: {{namespace: "card", value: "c-{other.mark}"}}}}) {{ id }} }}'
        assert (await one.graphql(strangers))["data"] == {"a": None, "b": None}


async def test_a_write_key_writes_into_its_own_workspace_whatever_is_said_beside_it(twins: tuple[Twin, Twin]) -> None:
    for one, other in both_ways(twins):
        before = await other.client.log_size()
        event = {
            "type": "identify",
            "userId": "same",
            "messageId": f"crossed-{one.mark}",
            "writeKey": await other.client.key(),
            "context": {"source": f"shop_{other.mark}", "workspace": other.client.workspace.name},
        }
        assert (await one.client.send("identify", event)).status_code == 200
        assert (await one.client.fate(f"crossed-{one.mark}"))["profile_id"] == one.profile_id
        assert (await one.client.records([RECORD], source=f"shop_{other.mark}")).status_code == 202
        assert (await one.ask("DELETE", f"/v1/sources/shop_{other.mark}")).status_code == 204
        assert await other.client.log_size() == before
        assert (await other.ask("GET", f"/v1/messages/crossed-{one.mark}")).status_code == 404
        assert (await other.client.records([RECORD], source=f"shop_{other.mark}")).status_code == 202


async def test_one_address_has_another_token_in_each(twins: tuple[Twin, Twin], live: Live) -> None:
    held: list[set[bytes]] = []
    for each in twins:
        async with live.rt.begin(each.client.workspace.id) as tx:
            keyring = await keys.keyring(live.rt, tx)
            rows = await tx.conn.fetch(
                "SELECT token FROM record_identifiers UNION SELECT message_token FROM ingest_log"
            )
            held.append({bytes(row["token"]) for row in rows})
            assert token(keyring, Identifier("email", EMAIL)) in held[-1]
    assert held[0].isdisjoint(held[1])
