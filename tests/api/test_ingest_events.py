"""The Segment HTTP Tracking API, request by hand-made request, against the running product."""

import base64
from typing import Any

import httpx2
import pytest

from app.domain import sources
from tests.live import Client, as_bytes, client_of

NOBODY = {"Authorization": "Basic " + base64.b64encode(b"wk1_nobody:").decode()}
KIB = 1024


def track(message_id: str, **said: Any) -> dict[str, Any]:
    return {"type": "track", "messageId": message_id, "userId": "7", "event": "Looked", **said}


async def post(
    client: Client, body: Any, headers: dict[str, str] | None = None, path: str = "/v1/batch"
) -> httpx2.Response:
    return await client.http.post(path, content=as_bytes(body), headers=headers)


async def test_a_call_is_answered_after_its_commit_and_its_words_reach_the_profile(client: Client) -> None:
    said = {"messageId": "m1", "userId": "7", "traits": {"email": "ada@example.com", "firstName": "Ada"}}
    answer = await client.send("identify", said)
    assert (answer.status_code, answer.content) == (200, b'{"success": true}')
    found = await client.fate("m1")
    assert (found["fate"], found["profile_version"]) == ("applied", 1)
    profile = await client.profile("user_id", "7")
    assert profile.traits == {"email": "ada@example.com", "first_name": "Ada"}


async def test_every_call_of_the_specification_is_taken_and_found_again(client: Client) -> None:
    calls: dict[str, dict[str, Any]] = {
        "identify": {"traits": {"name": "Ada"}},
        "track": {"event": "Order Completed", "properties": {"revenue": 39.9}},
        "page": {"name": "Home", "properties": {"url": "https://shop.example/"}},
        "screen": {"name": "Start"},
        "group": {"groupId": "g-1", "traits": {"name": "Analytical Engines"}},
        "alias": {"previousId": "a-1"},
    }
    for call, said in calls.items():
        answer = await client.send(call, {"messageId": call, "userId": "7", **said})
        assert answer.status_code == 200, answer.text
    assert await client.fates(calls) == ["applied"] * 6
    profile = await client.profile("user_id", "7")
    found = {event.type: event for event in await client.events(profile)}
    assert set(found) == set(calls)
    assert (found["track"].name, found["track"].properties) == ("Order Completed", {"revenue": 39.9})
    assert (found["page"].name, found["page"].properties) == ("Home", {"url": "https://shop.example/"})
    assert profile.traits == {"name": "Ada"}
    assert {(held.namespace, held.value) for held in profile.identifiers} == {("user_id", "7"), ("anonymous_id", "a-1")}


async def test_the_write_key_is_taken_from_every_place_that_sdks_put_it(client: Client) -> None:
    key = await client.key()
    with_colon, without = (base64.b64encode(said.encode()).decode() for said in (f"{key}:", key))
    bearer = {"Authorization": "Bearer somebody-elses-token"}
    sent = [
        await post(client, {"batch": [track("colon")]}, {"Authorization": f"Basic {with_colon}"}),
        await post(client, {"batch": [track("bare")]}, {"Authorization": f"basic {without}"}),
        await post(client, {"batch": [track("body")], "writeKey": key}),
        await post(client, {"batch": [track("item", writeKey=key)]}),
        await post(client, track("single", writeKey=key), path="/v1/track"),
        await post(client, {"batch": [track("oauth")], "writeKey": key}, bearer),
    ]
    assert [answer.status_code for answer in sent] == [200] * 6
    assert await client.fates(["colon", "bare", "body", "item", "single", "oauth"]) == ["applied"] * 6


@pytest.mark.parametrize(
    "headers",
    [
        {},
        NOBODY,
        {"Authorization": "Basic"},
        {"Authorization": "Basic ***"},
        {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe:").decode()},
        {"Authorization": "Basic " + base64.b64encode(b"wk99999999_x" + b"y" * 5000).decode()},
        {"Authorization": "Basic " + base64.b64encode("wk١_x:".encode()).decode()},
        {"Authorization": "Digest username=ada"},
    ],
)
async def test_a_request_without_a_good_key_is_refused_with_401(client: Client, headers: dict[str, str]) -> None:
    answer = await post(client, {"batch": [track("m1")]}, headers)
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"]
    assert answer.json()["code"] == "unauthenticated"


async def test_a_key_of_another_workspace_writes_there_and_not_here(client: Client) -> None:
    async with client_of(client.live) as other:
        assert (await other.send("track", track("m1"))).status_code == 200
        assert await other.fates(["m1"]) == ["applied"]
        assert (await client.ask("GET", "/v1/messages/m1")).status_code == 404


async def test_a_disabled_source_is_let_in_no_more(client: Client) -> None:
    key = await client.key()
    rt = client.live.rt
    async with rt.begin(client.workspace.id) as tx:
        source = await sources.by_name(tx, "web")
        await tx.conn.execute("UPDATE sources SET disabled_at = now() WHERE id = $1", source.id)
    assert (await client.http.post("/v1/track", content=as_bytes(track("m1")), auth=(key, ""))).status_code == 401


async def test_the_paths_of_old_clients_lead_to_the_same_doors(client: Client) -> None:
    assert (await client.send("track/", track("slash"))).status_code == 200
    assert (await client.send("import", {"batch": [track("import")]})).status_code == 200
    assert await client.fates(["slash", "import"]) == ["applied"] * 2


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track", "/v1/sources/crm/records"])
async def test_other_methods_are_refused_with_405_and_say_which_is_right(
    client: Client, method: str, path: str
) -> None:
    answer = await client.http.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert answer.headers["X-Request-Id"]


async def test_the_path_says_the_type_of_a_single_call(client: Client) -> None:
    await client.send("page", {**track("m1"), "type": "track", "name": "Home"})
    await client.fate("m1")
    (event,) = await client.events(await client.profile("user_id", "7"))
    assert (event.type, event.name) == ("page", "Home")


async def test_context_of_a_batch_belongs_to_each_of_its_events_and_gives_way_to_their_own(client: Client) -> None:
    own = track("own", userId="8", context={"traits": {"city": "Paris"}})
    around = {"context": {"traits": {"city": "London", "plan": "pro"}}, "integrations": {"All": True}}
    assert (await client.send("batch", {"batch": [track("m1"), own], **around})).status_code == 200
    assert await client.fates(["m1", "own"]) == ["applied"] * 2
    assert (await client.profile("user_id", "7")).traits == {"city": "London", "plan": "pro"}
    assert (await client.profile("user_id", "8")).traits == {"city": "Paris"}


async def test_an_identifier_in_the_context_is_enough_to_know_who_it_was(client: Client) -> None:
    known = {"externalIds": [{"type": "loyaltyCard", "id": "9", "collection": "users", "encoding": "none"}]}
    nobody = track("m1", userId=None, anonymousId=None)
    assert (await client.send("batch", {"batch": [nobody], "context": known})).status_code == 200
    assert await client.fates(["m1"]) == ["applied"]
    (event,) = await client.events(await client.profile("loyalty_card", "9"))
    assert event.name == "Looked"


async def test_an_event_of_32_kb_is_taken_and_a_byte_more_is_set_aside(client: Client) -> None:
    def sized(message_id: str, size: int) -> bytes:
        empty = as_bytes(track(message_id, properties={"text": ""}))
        return empty.replace(b'"text":""', b'"text":"' + b"x" * (size - len(empty)) + b'"')

    fits, large = sized("fits", 32 * KIB), sized("large", 32 * KIB + 1)
    assert len(fits) == 32 * KIB
    answer = await client.send("batch", b'{"batch":[' + fits + b"," + large + b"]}")
    assert answer.status_code == 200
    assert (await client.fate("fits"))["fate"] == "applied"
    refused = await client.fate("large")
    assert (refused["fate"], refused["reason"]) == ("quarantined", "event_too_large")
    assert (await client.send("track", sized("single", 32 * KIB))).status_code == 200
    assert (await client.send("track", sized("single2", 32 * KIB + 1))).status_code == 413


async def test_a_request_of_500_kb_is_taken_and_a_byte_more_is_not(client: Client) -> None:
    def padded(size: int) -> bytes:
        return as_bytes({"batch": [track("m1")]}).ljust(size)

    assert (await client.send("batch", padded(500 * KIB + 1))).status_code == 413
    assert (await client.send("batch", padded(500 * KIB))).status_code == 200


async def test_a_batch_has_up_to_2500_events(client: Client) -> None:
    many = [{"type": "page", "anonymousId": "a", "messageId": f"m{n}"} for n in range(2501)]
    refused = await client.send("batch", {"batch": many})
    assert (refused.status_code, refused.json()["code"]) == (413, "too_many_items")
    assert (await client.send("batch", {"batch": many[:2500]})).status_code == 200
    assert await client.log_size() == 2500
    assert (await client.send("batch", {"batch": []})).status_code == 200


FAULTS: list[tuple[Any, str, str]] = [
    ({"type": "track", "event": "Looked"}, "no_user_anon_id", "/userId"),
    ({"type": "track", "userId": "7"}, "no_event_name", "/event"),
    ({"type": "group", "userId": "7"}, "no_group_id", "/groupId"),
    ({"type": "alias", "userId": "7"}, "no_previous_id", "/previousId"),
    ({"type": "merge", "userId": "7"}, "unknown_type", "/type"),
    ({"userId": "7", "event": "Looked"}, "unknown_type", "/type"),
    ({"type": ["track"], "userId": "7"}, "unknown_type", "/type"),
    ({"type": "track", "event": "Looked", "userId": {"id": 7}}, "not_text", "/userId"),
    ({"type": "track", "event": "Looked", "userId": True}, "not_text", "/userId"),
    ({"type": "identify", "userId": "7", "traits": "none"}, "not_an_object", "/traits"),
    ({"type": "identify", "userId": "7", "context": []}, "not_an_object", "/context"),
    ({"type": "identify", "userId": "7", "messageId": "m" * 1025}, "too_long", "/messageId"),
    ({"type": "track", "event": "Looked", "userId": "7", "timestamp": "yesterday"}, "bad_time", "/timestamp"),
    ({"type": "track", "event": "Looked", "userId": "7", "timestamp": 1795443662}, "bad_time", "/timestamp"),
    ("track", "not_an_object", ""),
    (None, "not_an_object", ""),
]


async def test_strict_mode_names_each_wrong_event_and_takes_none(client: Client) -> None:
    body = {"batch": [track("good"), *(said for said, _, _ in FAULTS)]}
    answer = await client.send("batch", body, X_Strict_Mode="1")
    assert answer.status_code == 400
    named = [(found["code"], found["pointer"]) for found in answer.json()["errors"]]
    assert named == [(code, f"/batch/{n}{pointer}") for n, (_, code, pointer) in enumerate(FAULTS, 1)]
    assert (await client.ask("GET", "/v1/messages/good")).status_code == 404
    assert (await client.send("batch", {"batch": [track("good")]}, X_Strict_Mode="1")).status_code == 200


async def test_without_strict_mode_the_good_are_taken_and_the_wrong_are_kept(client: Client) -> None:
    body = {"batch": [track("good"), *(said for said, _, _ in FAULTS)]}
    assert (await client.send("batch", body)).status_code == 200
    assert await client.fates(["good"]) == ["applied"]
    listed = (await client.ask("GET", "/v1/quarantine")).json()["items"]
    assert [(each["code"], each["pointer"]) for each in listed] == [(code, pointer) for _, code, pointer in FAULTS]
    assert {(each["source"], each["kind"], each["state"]) for each in listed} == {("web", "event", "open")}


async def test_every_answer_carries_the_id_of_its_request(client: Client) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    assert (await client.send("track", track("m1"), X_Request_Id=trace)).headers["X-Request-Id"] == trace
    for path in ("/livez", "/nothing", "/v1/batch"):
        assert (await client.http.get(path, headers={"X-Request-Id": trace})).headers["X-Request-Id"] == trace
    odd = ("", "a b", "ada@example.com", "x" * 5000)
    ids = {(await client.send("track", track("m1"), X_Request_Id=said)).headers["X-Request-Id"] for said in odd}
    assert len(ids) == 4
    assert ids.isdisjoint(odd)


async def test_a_refusal_speaks_to_sdks_in_the_words_they_look_for(client: Client) -> None:
    """RudderStack's and Segment's Python SDKs read `code` and `message`; without them one of them tries for ever."""
    refused = (await client.http.post("/v1/batch", content=as_bytes({"batch": [track("m1")]}), headers=NOBODY)).json()
    assert refused["message"] == refused["detail"]
    broken = await client.send("batch", b"{")
    assert broken.status_code == broken.json()["status"] == 400
    assert (broken.json()["code"], broken.json()["title"]) == ("invalid_json", "Bad request")
