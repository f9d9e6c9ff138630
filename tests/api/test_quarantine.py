"""What was set aside is kept with its reason until somebody fixes, replays or discards it."""

import asyncio
from typing import Any

import pytest

from tests.live import Client, client_of


def track(message_id: str, **said: Any) -> dict[str, Any]:
    return {"type": "track", "messageId": message_id, "event": "Looked", **said}


async def listed(client: Client, query: str = "") -> list[dict[str, Any]]:
    answer = await client.ask("GET", f"/v1/quarantine{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def set_aside(client: Client, *message_ids: str) -> list[str]:
    """Events without anybody; returns their ids in quarantine."""
    await client.send("batch", {"batch": [track(id) for id in message_ids]})
    return [item["id"] for item in await listed(client)][-len(message_ids) :]


async def status(client: Client, method: str, path: str, body: Any = None) -> int:
    return (await client.ask(method, f"/v1/quarantine/{path}", body)).status_code


async def test_a_list_shows_reasons_and_no_words_and_pages_to_the_end(client: Client) -> None:
    await set_aside(client, *(f"m{n}" for n in range(5)))
    await client.records([{"key": ""}])
    seen: list[dict[str, Any]] = []
    cursor = ""
    for _ in range(3):
        page = (await client.ask("GET", f"/v1/quarantine?limit=2{cursor}")).json()
        seen += page["items"]
        cursor = f"&cursor={page['next_cursor']}"
    rest = (await client.ask("GET", f"/v1/quarantine?limit=2{cursor}")).json()
    assert rest == {"items": [], "next_cursor": None}
    assert [(item["source"], item["kind"], item["code"]) for item in seen] == [
        *[("web", "event", "no_user_anon_id")] * 5,
        ("crm", "record", "bad_length"),
    ]
    assert len({item["id"] for item in seen}) == 6
    assert all("message" not in item and item["detail"] and item["settled_at"] is None for item in seen)


async def test_a_list_is_filtered_by_state_and_code(client: Client) -> None:
    ids = await set_aside(client, "m1", "m2", "m3")
    await client.records([{"key": ""}])
    assert await status(client, "POST", f"{ids[0]}/discard", {"reason": "a test"}) == 204
    assert [item["id"] for item in await listed(client, "?state=discarded")] == ids[:1]
    assert [item["id"] for item in await listed(client, "?code=no_user_anon_id")] == ids[1:]
    assert len(await listed(client, "?state=all")) == 4
    assert await listed(client, "?state=replayed") == await listed(client, "?code=nothing%00") == []
    for wrong in ("state=closed", "limit=0", "limit=501", "limit=x", "cursor=x", "cursor=%00", "code=" + "c" * 101):
        assert (await client.ask("GET", f"/v1/quarantine?{wrong}")).status_code == 422, wrong


async def test_one_message_is_shown_with_its_words_as_they_came(client: Client) -> None:
    words = track("m1", properties={"note": "日本語 😀", "n": [1, 2.5, None]}, userId="")
    await client.send("track", words)
    (item,) = await listed(client)
    shown = (await client.ask("GET", f"/v1/quarantine/{item['id']}")).json()
    assert shown["message"] == words
    assert {name: value for name, value in shown.items() if name != "message"} == item


async def test_a_fixed_message_is_replayed_and_applied_under_its_first_id(client: Client) -> None:
    (id,) = await set_aside(client, "m1")
    before = await client.fate("m1")
    assert await status(client, "PUT", id, track("m1", userId="7")) == 204
    assert (await client.fate("m1"))["fate"] == "quarantined"
    answer = await client.ask("POST", f"/v1/quarantine/{id}/replay")
    assert (answer.status_code, answer.json()) == (202, {"id": id, "state": "replayed"})
    after = await client.fate("m1")
    assert (after["fate"], after["reason"], after["received_at"]) == ("applied", None, before["received_at"])
    (event,) = await client.events(await client.profile("user_id", "7"))
    assert (event.name, event.message_id) == ("Looked", "m1")
    assert [item["state"] for item in await listed(client, "?state=all")] == ["replayed"]


async def test_a_record_is_fixed_and_replayed_as_well(client: Client) -> None:
    answer = await client.records([{"key": "42", "traits": {"city": "Paris"}, "observed_at": "yesterday"}])
    (item,) = await listed(client)
    assert await status(client, "PUT", item["id"], {"key": "42", "traits": {"city": "Paris"}}) == 204
    assert await status(client, "POST", f"{item['id']}/replay") == 202
    assert (await client.fate(f"{answer.json()['batch_id']}-0"))["fate"] == "applied"
    assert (await client.profile_of_record("42")).traits == {"city": "Paris"}


STILL_WRONG: list[tuple[Any, str]] = [
    (track("m1"), "/userId"),
    ({"type": ["track"]}, "/type"),
    ("text", ""),
    (7, ""),
    ([], ""),
    ({}, "/type"),
    ({"type": "track", "event": "Looked", "userId": "7", "context": "x"}, "/context"),
    ({"type": "track", "event": "Looked", "userId": "7", "timestamp": "yesterday"}, "/timestamp"),
]


@pytest.mark.parametrize(("words", "pointer"), STILL_WRONG)
async def test_an_event_that_is_still_wrong_is_not_replayed(client: Client, words: Any, pointer: str) -> None:
    (id,) = await set_aside(client, "m1")
    assert await status(client, "PUT", id, words) == 204
    answer = await client.ask("POST", f"/v1/quarantine/{id}/replay")
    assert (answer.status_code, answer.json()["code"]) == (422, "still_wrong")
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert [item["id"] for item in await listed(client)] == [id]


RESERVED = {"key": "1", "traits": {}, "identifiers": [{"namespace": "edited_record", "value": "crm:1"}]}


@pytest.mark.parametrize("words", ["text", {}, {"key": []}, {"key": "1", "traits": 7}, {"key": "1", "x": 1}, RESERVED])
async def test_a_record_that_is_still_wrong_is_not_replayed(client: Client, words: Any) -> None:
    await client.records([{"key": "", "traits": {}}])
    (item,) = await listed(client)
    assert await status(client, "PUT", item["id"], words) == 204
    assert await status(client, "POST", f"{item['id']}/replay") == 422
    assert await client.log_size() == 0


async def test_what_the_pipeline_sets_aside_again_is_found_under_its_first_id(client: Client) -> None:
    await client.send("track", track("m1", userId="null"))
    assert (await client.fate("m1"))["reason"] == "identifies_nobody"
    (first,) = await listed(client)
    assert await status(client, "POST", f"{first['id']}/replay") == 202
    assert (await client.fate("m1"))["fate"] == "quarantined"
    (second,) = await listed(client)
    assert second["id"] != first["id"]
    assert await status(client, "PUT", second["id"], track("m1", userId="7")) == 204
    assert await status(client, "POST", f"{second['id']}/replay") == 202
    assert (await client.fate("m1"))["fate"] == "applied"


async def test_a_message_is_given_up_with_a_reason_and_its_fate_says_so(client: Client) -> None:
    (id,) = await set_aside(client, "m1")
    for wrong in ({}, {"reason": ""}, {"reason": "r" * 1001}, {"reason": 7}, [], "x"):
        assert await status(client, "POST", f"{id}/discard", wrong) == 422
    assert await status(client, "POST", f"{id}/discard", {"reason": "sent by mistake"}) == 204
    found = await client.fate("m1")
    assert (found["fate"], found["reason"]) == ("failed", "no_user_anon_id")
    assert found["settled_at"] is not None


async def test_what_is_decided_stays_decided(client: Client) -> None:
    replayed, discarded = await set_aside(client, "m1", "m2")
    assert await status(client, "PUT", replayed, track("m1", userId="7")) == 204
    assert await status(client, "POST", f"{replayed}/replay") == 202
    assert await status(client, "POST", f"{discarded}/discard", {"reason": "a test"}) == 204
    for id in (replayed, discarded):
        assert await status(client, "POST", f"{id}/replay") == 409
        assert await status(client, "POST", f"{id}/discard", {"reason": "a test"}) == 409
        assert await status(client, "PUT", id, {}) == 409


async def test_of_many_replays_at_once_one_goes_through(client: Client) -> None:
    (id,) = await set_aside(client, "m1")
    await status(client, "PUT", id, track("m1", userId="7"))
    answers = await asyncio.gather(*(status(client, "POST", f"{id}/replay") for _ in range(10)))
    assert sorted(answers) == [202, *[409] * 9]
    await client.fate("m1")
    assert len(await client.events(await client.profile("user_id", "7"))) == 1


async def test_another_workspace_is_told_what_it_is_told_of_an_unknown_message(client: Client) -> None:
    (id,) = await set_aside(client, "m1")
    async with client_of(client.live) as other:
        for method, tail, body in (
            ("GET", "", None),
            ("PUT", "", {"type": "track"}),
            ("POST", "/replay", None),
            ("POST", "/discard", {"reason": "x"}),
        ):
            theirs = await other.ask(method, f"/v1/quarantine/{id}{tail}", body)
            nobodys = await other.ask(method, f"/v1/quarantine/AAAAAAAAAA{tail}", body)
            assert (theirs.status_code, theirs.content) == (404, nobodys.content)
        assert await listed(other, "?state=all") == []
    assert [item["state"] for item in await listed(client)] == ["open"]
