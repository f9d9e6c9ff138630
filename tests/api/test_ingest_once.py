"""One message, one effect: whatever is sent again, at the same moment or a year later, and by whom."""

import asyncio
from typing import Any

from tests.live import Client


def track(message_id: str | None, **said: Any) -> dict[str, Any]:
    named = {} if message_id is None else {"messageId": message_id}
    return {"type": "track", "userId": "7", "event": "Looked", **named, **said}


async def names(client: Client) -> list[str | None]:
    return [event.name for event in await client.events(await client.profile("user_id", "7"))]


async def quarantined(client: Client) -> list[str]:
    return [each["code"] for each in (await client.ask("GET", "/v1/quarantine")).json()["items"]]


async def test_the_same_message_again_has_no_effect_whatever_changes_on_a_retry(client: Client) -> None:
    first = {"batch": [track("m1", _metadata={"tries": 1})], "sentAt": "2026-11-20T10:00:00Z"}
    again = {"batch": [track("m1", _metadata={"tries": 2}, sentAt="2026-11-20T10:05:00Z")]}
    for body in (first, again):
        assert (await client.send("batch", body)).status_code == 200
    before = await client.fate("m1")
    assert (await client.send("track", track("m1"))).status_code == 200
    assert await client.fate("m1") == before
    assert await names(client) == ["Looked"]
    assert await quarantined(client) == []


async def test_a_message_id_that_comes_again_with_other_words_is_set_aside_and_the_first_one_stands(
    client: Client,
) -> None:
    await client.send("track", track("m1"))
    before = await client.fate("m1")
    for _ in range(2):  # the second is a retry of the stranger
        assert (await client.send("track", track("m1", event="Bought"))).status_code == 200
    assert await client.fate("m1") == before
    assert await names(client) == ["Looked"]
    assert await quarantined(client) == ["message_id_reused"]


async def test_a_source_cannot_take_a_message_id_from_another_in_silence(client: Client) -> None:
    await client.send("track", track("m1"), source="web")
    await client.send("track", track("m1", event="Bought"), source="shop")
    assert await quarantined(client) == ["message_id_reused"]


async def test_twins_in_one_batch_are_one_and_strangers_with_one_id_are_told_apart(client: Client) -> None:
    body = {"batch": [track("m1"), track("m1"), track("m2"), track("m2", event="Bought")]}
    assert (await client.send("batch", body)).status_code == 200
    assert await client.fates(["m1", "m2"]) == ["applied"] * 2
    assert await names(client) == ["Looked", "Looked"]
    assert await quarantined(client) == ["message_id_reused"]


async def test_fifty_identical_requests_at_once_have_one_effect(client: Client) -> None:
    body = {"batch": [track(f"m{n}", event=f"e{n}") for n in range(20)]}
    answers = await asyncio.gather(*(client.send("batch", body) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert await client.fates(f"m{n}" for n in range(20)) == ["applied"] * 20
    assert await client.log_size() == 20
    assert sorted(filter(None, await names(client))) == sorted(f"e{n}" for n in range(20))
    assert await quarantined(client) == []


async def test_an_event_without_an_id_is_known_again_by_its_words_if_it_has_a_time(client: Client) -> None:
    timed = track(None, timestamp="2026-11-20T10:00:00Z")
    other_order = dict(reversed(timed.items()))
    await client.send("batch", {"batch": [timed, other_order], "sentAt": "2026-11-20T10:00:01Z"})
    await client.send("batch", {"batch": [timed], "sentAt": "2026-11-20T10:07:01Z"})
    assert await client.log_size() == 1
    await client.send("batch", {"batch": [{**timed, "timestamp": "2026-11-20T10:00:00.001Z"}]})
    assert await client.log_size() == 2


async def test_two_equal_events_without_id_and_time_are_two(client: Client) -> None:
    await client.send("batch", {"batch": [track(None), track(None)]})
    assert await client.log_size() == 2


async def test_a_retry_of_what_was_set_aside_is_not_set_aside_again(client: Client) -> None:
    wrong = {"batch": [track("m1", userId=None), track(None, userId=None), {"type": "nothing"}, "text"]}
    for _ in range(3):
        assert (await client.send("batch", wrong)).status_code == 200
    assert await quarantined(client) == ["no_user_anon_id", "no_user_anon_id", "unknown_type", "not_an_object"]
    await client.send("track", track("m1", userId=None, event="Bought"))
    assert len(await quarantined(client)) == 5


async def test_a_message_id_of_a_client_is_never_one_of_our_own(client: Client) -> None:
    """What is set aside is replayed under an id of our own; a client that guesses it must not stand in the way."""
    await client.send("track", {"messageId": "bad", "event": "Looked"})
    (item,) = (await client.ask("GET", "/v1/quarantine")).json()["items"]
    await client.send("batch", {"batch": [track(f"replay:{n}", event="x") for n in range(1, 2001)]})
    fixed = {"type": "track", "messageId": "bad", "userId": "7", "event": "Looked"}
    assert (await client.ask("PUT", f"/v1/quarantine/{item['id']}", fixed)).status_code == 204
    assert (await client.ask("POST", f"/v1/quarantine/{item['id']}/replay")).status_code == 202
    assert (await client.fate("bad"))["fate"] == "applied"


async def test_zero_is_an_id_like_any_other(client: Client) -> None:
    await client.send("batch", {"batch": [track(None, messageId=0, userId=0), track(None, messageId=0, userId=0)]})
    assert (await client.fate("0"))["fate"] != "duplicate"
    assert await client.log_size() == 1
