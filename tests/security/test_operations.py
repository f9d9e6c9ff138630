"""Every operation of the API and every way to be nobody: refused, and never told a thing.

Generated from the OpenAPI document: an operation that appears there and has no row here fails.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from app.core.settings import Settings
from app.core.tokens import scopes
from app.core.tokens.gate import TokenGate
from app.core.tokens.keys import SigningKeys
from tests.api.test_openapi import OPERATIONS, WITHOUT_A_TOKEN
from tests.live import Client, Live, as_bytes, client_of

CANARY = "zanzibarcanary"
EMAIL = f"{CANARY}@example.com"
EVENT = {"type": "track", "userId": CANARY, "event": CANARY, "messageId": "m1"}
RECORD = {"key": CANARY, "traits": {"secret_size": CANARY, "email": EMAIL}}
RULE = {"priority": 50, "max_values": 10, "max_records": 50}
POLICY = {"version": 1, "namespaces": {}, "otherwise": RULE, "max_cluster": 500}
QUERY = f'{{ profile(by: {{email: "{EMAIL}"}}) {{ id email identifiers {{ value }} }} }}'


@dataclass(frozen=True, slots=True)
class Row:
    """How an operation is called so that it finds something. `{names}` in path and body are filled in from the story.

    `is_someones`: what it names belongs to one workspace, and is a 404 for every other.
    """

    body: Any = None
    query: str = ""
    kind: str = "application/json"
    is_someones: bool = False


SOMEONES = Row(is_someones=True)
ROWS: Mapping[str, Row] = {
    "POST /v1/identify": Row({**EVENT, "type": "identify"}),
    "POST /v1/track": Row(EVENT),
    "POST /v1/page": Row({**EVENT, "type": "page"}),
    "POST /v1/screen": Row({**EVENT, "type": "screen"}),
    "POST /v1/group": Row({**EVENT, "type": "group", "groupId": "g"}),
    "POST /v1/alias": Row({**EVENT, "type": "alias", "previousId": "a"}),
    "POST /v1/batch": Row({"batch": [EVENT]}),
    "POST /v1/import": Row({"batch": [EVENT]}),
    "POST /v1/sources/{source}/records": Row([RECORD]),
    "POST /v1/imports": Row("id,email\n", "?source=crm", kind="text/csv"),
    "GET /v1/imports": Row(),
    "GET /v1/imports/{id}": SOMEONES,
    "GET /v1/imports/{id}/rejected": SOMEONES,
    "GET /v1/messages/{message_id}": SOMEONES,
    "POST /v1/profiles/lookup": Row({"lookups": [{"namespace": "email", "value": EMAIL}]}),
    "GET /v1/profiles/{id}": SOMEONES,
    "PATCH /v1/profiles/{id}": Row({"traits": {"city": "Paris"}}, is_someones=True),
    "GET /v1/profiles/{id}/versions": SOMEONES,
    "GET /v1/profiles/{id}/versions/{version}": SOMEONES,
    "GET /v1/profiles/{id}/events": SOMEONES,
    "GET /v1/profiles/{id}/explain": SOMEONES,
    "POST /v1/profiles/{id}/merge": Row({"with": "{other_id}"}, is_someones=True),
    "POST /v1/profiles/{id}/split": Row({"records": [{"source": "crm", "key": "s2"}]}, is_someones=True),
    "GET /v1/reviews": Row(),
    "GET /v1/reviews/{id}": SOMEONES,
    "POST /v1/reviews/{id}/decide": Row({"verdict": "same"}, is_someones=True),
    "GET /v1/decisions": Row(),
    "POST /v1/decisions": Row(
        {"verdict": "same", "a": {"source": "crm", "key": "a1"}, "b": {"source": "crm", "key": "a2"}}, is_someones=True
    ),
    "GET /v1/decisions/{id}": SOMEONES,
    "DELETE /v1/decisions/{id}": SOMEONES,
    "GET /v1/traits": Row(),
    "POST /v1/traits": Row({"name": "shoe_size", "type": "number"}),
    "GET /v1/traits/{name}": SOMEONES,
    "PUT /v1/traits/{name}": Row({"type": "text"}),
    "POST /graphql": Row({"query": QUERY}),
    "GET /graphql": Row(query=f"?query={QUERY}"),
    "GET /v1/sources": Row(),
    "POST /v1/sources": Row({"name": "shop"}),
    "GET /v1/sources/{name}": SOMEONES,
    "PATCH /v1/sources/{name}": Row({"priority": 7}, is_someones=True),
    "DELETE /v1/sources/{name}": SOMEONES,
    "POST /v1/sources/{name}/key": SOMEONES,
    "GET /v1/policy": Row(),
    "PUT /v1/policy": Row(POLICY),
    "GET /v1/policy/versions": Row(),
    "GET /v1/policy/versions/{version}": Row(),
    "POST /v1/policy/rollback": Row({"to": 1}),
    "GET /v1/models": Row(),
    "GET /v1/models/{version}": Row(),
    "GET /v1/alerts": Row(),
    "DELETE /v1/alerts/{id}": SOMEONES,
    "GET /v1/quarantine": Row(),
    "GET /v1/quarantine/{id}": SOMEONES,
    "PUT /v1/quarantine/{id}": Row({**EVENT, "messageId": "wrong"}, is_someones=True),
    "POST /v1/quarantine/{id}/replay": SOMEONES,
    "POST /v1/quarantine/{id}/discard": Row({"reason": "a test"}, is_someones=True),
}
GUARDED = [name for name in OPERATIONS if name not in WITHOUT_A_TOKEN]


def test_every_operation_has_its_row() -> None:
    assert set(ROWS) == set(GUARDED)


@dataclass
class Story:
    """A workspace with something of everything in it, and the names under which that is found, by start of a path."""

    client: Client
    names: Mapping[str, Mapping[str, str]]

    def path(self, operation: str) -> str:
        return operation.split(" ")[1].format(**self._of(operation))

    def body(self, operation: str) -> bytes | None:
        given = ROWS[operation].body
        if given is None:
            return None
        text = given.encode() if isinstance(given, str) else as_bytes(given)
        for name, value in self._of(operation).items():
            text = text.replace(f'"{{{name}}}"'.encode(), f'"{value}"'.encode())
        return text

    def _of(self, operation: str) -> Mapping[str, str]:
        starts = [start for start in self.names if operation.startswith(start)]
        return self.names[max(starts, key=len)] if starts else {}


async def set_aside(client: Client, message_id: str) -> str:
    """An event that was wrong and has been fixed; its id in quarantine."""
    event = {**EVENT, "messageId": message_id}
    assert (await client.send("track", {**event, "userId": ""})).is_success
    id = str((await client.ask("GET", "/v1/quarantine")).json()["items"][-1]["id"])
    assert (await client.ask("PUT", f"/v1/quarantine/{id}", {**event, "userId": "7"})).is_success
    return id


async def imported(client: Client) -> str:
    kind = {"Content-Type": "text/csv"}
    file = await client.http.post(
        "/v1/imports?source=crm", content=f"id,note\n1,{CANARY}\n,{CANARY}\n", headers=client.bearer | kind
    )
    assert file.status_code == 202, file.text
    id = str(file.json()["id"])
    for _ in range(600):
        if (await client.ask("GET", f"/v1/imports/{id}")).json()["state"] == "done":
            return id
        await asyncio.sleep(0.05)
    pytest.fail("the import has not ended")


async def people(client: Client) -> Mapping[str, Mapping[str, str]]:
    """People to merge, to split, to look at and to decide on, and decisions that were made."""

    def person(key: str, card: str, **traits: str) -> dict[str, Any]:
        shared = [{"namespace": "card", "value": card}]
        return {"key": key, "traits": {"note": CANARY, **traits}, "identifiers": shared}

    async def ask(method: str, path: str, body: Any = None) -> Any:
        bearer = {"Authorization": await good(client, by_key=False)}
        answer = await client.http.request(method, path, json=body, headers=bearer)
        assert answer.is_success, answer.text
        return answer.json()

    days = (("1990-02-01", "1961-07-24"), ("1985-11-30", "1950-05-13"))
    pairs = [person(f"r{n}{m}", f"r{n}", birthday=days[n][m]) for n in (0, 1) for m in (0, 1)]
    alone = [person(key, key) for key in ("m1", "m2", "a1", "a2", "d1", "d2", "e1", "e2")]
    together = [person(key, "s") for key in ("s1", "s2")]
    assert (await client.records([*pairs, *alone, *together], query="?wait=resolved")).is_success
    lookups = {"lookups": [{"source": "crm", "key": key} for key in ("m1", "m2", "s1")]}
    m1, m2, s1 = (await ask("POST", "/v1/profiles/lookup", lookups))["profiles"]
    shown, decided = (await ask("GET", "/v1/reviews"))["items"]
    till = [person(f"t{n}", f"t{n}") | {"identifiers": [{"namespace": "device_id", "value": "till"}]} for n in range(9)]
    assert (await client.records(till, query="?wait=resolved")).is_success
    (alert,) = (await ask("GET", "/v1/alerts"))["items"]
    made = []
    for n in "de":
        sides = {side: {"source": "crm", "key": f"{n}{m}"} for side, m in (("a", 1), ("b", 2))}
        made.append((await ask("POST", "/v1/decisions", {"verdict": "different", **sides}))["id"])
    return {
        "POST /v1/profiles/{id}/merge": {"id": m1["id"], "other_id": m2["id"]},
        "POST /v1/profiles/{id}/split": {"id": s1["id"]},
        "GET /v1/reviews/": {"id": shown["id"]},
        "POST /v1/reviews/": {"id": decided["id"]},
        "DELETE /v1/alerts/": {"id": alert["id"]},
        "GET /v1/policy/versions/": {"version": "1"},
        "GET /v1/models/": {"version": "0"},
        "GET /v1/decisions/": {"id": made[0]},
        "DELETE /v1/decisions/": {"id": made[1]},
    }


@pytest.fixture(scope="module")
async def story(live: Live) -> AsyncIterator[Story]:
    async with client_of(live) as client:
        assert (await client.records([RECORD], query="?wait=resolved")).is_success
        assert (await client.records([RECORD], source="old")).is_success
        assert (await client.send("track", EVENT)).is_success
        applied = await client.fate("m1")
        yield Story(
            client,
            {
                "GET /v1/imports/": {"id": await imported(client)},
                "GET /v1/messages/": {"message_id": "m1"},
                "GET /v1/profiles/": {"id": applied["profile_id"], "version": "1"},
                "PATCH /v1/profiles/": {"id": applied["profile_id"]},
                **await people(client),
                "GET /v1/traits/": {"name": "secret_size"},
                "PUT /v1/traits/": {"name": "secret_size"},
                "POST /v1/sources/": {"source": "crm", "name": "crm"},
                "GET /v1/sources/": {"name": "crm"},
                "PATCH /v1/sources/": {"name": "crm"},
                "DELETE /v1/sources/": {"name": "old"},
                "GET /v1/quarantine/": {"id": await set_aside(client, "shown")},
                "PUT /v1/quarantine/": {"id": await set_aside(client, "fixed")},
                "POST /v1/quarantine/{id}/replay": {"id": await set_aside(client, "replayed")},
                "POST /v1/quarantine/{id}/discard": {"id": await set_aside(client, "discarded")},
            },
        )


@pytest.fixture(scope="module")
def forgers(live_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, TokenGate]:
    """Gates that issue what ours must not let through."""
    ours = SigningKeys.open(live_settings.token_keys_path, now=datetime.now(UTC), create=False)
    theirs = SigningKeys.open(tmp_path_factory.mktemp("foreign keys"), now=datetime.now(UTC), create=True)
    issuer = live_settings.issuer
    return {
        "for another audience": TokenGate(ours, issuer=issuer, audience="urn:another"),
        "of another issuer": TokenGate(ours, issuer="urn:another", audience=issuer),
        "signed by another key": TokenGate(theirs, issuer=issuer, audience=issuer),
        "in order": TokenGate(ours, issuer=issuer, audience=issuer),
    }


def bad_credentials(
    forgers: Mapping[str, TokenGate], workspace: str, scope: str, key: str, *, by_key: bool
) -> dict[str, str | None]:
    """What a stranger may put into the Authorization header, by name."""

    def issued(gate: str, wanted: frozenset[str] = scopes.ALL, ago: timedelta = timedelta()) -> str:
        now = datetime.now(UTC) - ago
        said: dict[str, Any] = {"subject": "mallory", "client_id": "mallory", "workspace": workspace}
        return "Bearer " + forgers[gate].issue(scopes=wanted, now=now, **said)

    wrong: dict[str, str | None] = {
        "nothing": None,
        "garbage": "Bearer garbage",
        "another kind": "Basic bWFsbG9yeTpzZWNyZXQ=",
        "a token that has expired": issued("in order", ago=timedelta(hours=2)),
        "a token from the future": issued("in order", ago=-timedelta(hours=2)),
        **{f"a token {name}": issued(name) for name in forgers if name != "in order"},
    }
    if by_key:
        return wrong | {"a token in place of a key": issued("in order")}
    return wrong | {
        "a write key": "Basic " + base64.b64encode(f"{key}:".encode()).decode(),
        "a token without the scope": issued("in order", scopes.ALL - {scope, scopes.ADMIN}),
    }


async def call(story: Story, name: str, authorization: str | None) -> httpx2.Response:
    row, (method, _), body = ROWS[name], name.split(" "), story.body(name)
    headers = {} if authorization is None else {"Authorization": authorization}
    kind = {} if body is None else {"Content-Type": row.kind}
    return await story.client.http.request(method, story.path(name) + row.query, content=body, headers=headers | kind)


@pytest.fixture
async def stranger(live: Live) -> AsyncIterator[Client]:
    """The programs of another workspace."""
    async with client_of(live) as client:
        yield client


@pytest.mark.parametrize("name", GUARDED)
async def test_nobody_but_its_owner_is_told_anything(
    story: Story, stranger: Client, forgers: Mapping[str, TokenGate], name: str
) -> None:
    owner, operation = story.client, OPERATIONS[name]
    by_key = {"WriteKey": []} in operation["security"]
    before = await owner.log_size()
    bad = bad_credentials(forgers, owner.workspace.name, operation["x-scope"], await owner.key(), by_key=by_key)
    for kind, authorization in bad.items():
        answer = await call(story, name, authorization)
        expected = 403 if kind == "a token without the scope" else 401
        assert answer.status_code == expected, (kind, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert CANARY not in answer.text
    answer = await call(story, name, await good(stranger, by_key=by_key))
    assert CANARY not in answer.text
    assert answer.status_code == 404 if ROWS[name].is_someones else answer.is_success, answer.text
    assert await owner.log_size() == before
    answer = await call(story, name, await good(owner, by_key=by_key))
    assert answer.is_success, answer.text


async def good(client: Client, *, by_key: bool) -> str:
    if by_key:
        return "Basic " + base64.b64encode(f"{await client.key()}:".encode()).decode()
    return "Bearer " + client.live.token(*scopes.ALL, workspace=client.workspace.name)


@pytest.mark.parametrize("name", sorted(WITHOUT_A_TOKEN))
async def test_what_needs_no_token_tells_nothing_of_anybody(story: Story, name: str) -> None:
    answer = await story.client.http.get(name.split(" ")[1])
    assert answer.status_code == 200
    assert CANARY not in answer.text
    assert f'"{story.client.workspace.name}"' not in answer.text
