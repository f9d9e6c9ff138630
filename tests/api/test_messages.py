"""`GET /v1/messages/{id}`: what became of a message, whatever its sender called it."""

from typing import Any

import pytest

from tests.live import Client, client_of, quoted


def track(message_id: Any, **said: Any) -> dict[str, Any]:
    return {"type": "track", "messageId": message_id, "userId": "7", "event": "Looked", **said}


async def ask(client: Client, path: str) -> tuple[int, dict[str, Any]]:
    answer = await client.ask("GET", path)
    return answer.status_code, answer.json()


async def test_a_message_is_pending_until_it_is_applied_to_a_version_of_a_profile(client: Client) -> None:
    with client.live.worker.paused():
        await client.send("track", track("m1"))
        _, waiting = await ask(client, "/v1/messages/m1")
        assert (waiting["fate"], waiting["reason"], waiting["settled_at"]) == ("pending", None, None)
        assert (waiting["profile_id"], waiting["profile_version"]) == (None, None)
    found = await client.fate("m1")
    assert (found["message_id"], found["fate"], found["reason"], found["profile_version"]) == ("m1", "applied", None, 1)
    assert waiting["received_at"] == found["received_at"] <= found["settled_at"]
    assert len(found["profile_id"]) >= 10


async def test_a_message_set_aside_says_why(client: Client) -> None:
    await client.send("batch", {"batch": [track("wrong", userId=None), track("blocked", userId="null")]})
    wrong, blocked = await client.fate("wrong"), await client.fate("blocked")
    assert (wrong["fate"], wrong["reason"]) == ("quarantined", "no_user_anon_id")
    assert (blocked["fate"], blocked["reason"]) == ("quarantined", "identifies_nobody")
    assert wrong["profile_id"] is blocked["profile_id"] is None


NAMES = [
    "a/b", "/", "//", "../messages", "..", ".", "?x=1", "#top", "a b", " a ", "a%2Fb", "100%", "日本語 😀", "é",
    "e\u0301", "\u202e", "'; DROP TABLE ingest_log; --", "x" * 1024, "/replay", "m?", "\\", "\x7f",
    "\x01", "-0", "AAAAAAAAAA-0",
]  # fmt: skip


async def test_any_id_is_found_under_its_own_name(client: Client) -> None:
    answer = await client.send("batch", {"batch": [track(name) for name in NAMES]}, X_Strict_Mode="1")
    assert answer.status_code == 200
    found = [await client.fate(name) for name in NAMES]
    assert [each["message_id"] for each in found] == NAMES
    assert {each["fate"] for each in found} == {"applied"}


async def test_a_whole_number_is_an_id_by_its_digits(client: Client) -> None:
    await client.send("batch", {"batch": [track(42), track(2**63 - 1)]})
    assert await client.fates(["42", str(2**63 - 1)]) == ["applied"] * 2


@pytest.mark.parametrize(
    "path", ["unknown", "%00", "a%00b", "%FF%FE", "%ED%A0%80", quoted("x" * 1024), quoted("\0replay:1"), "content:"]
)
async def test_what_nobody_sent_is_not_found(client: Client, path: str) -> None:
    status, said = await ask(client, f"/v1/messages/{path}")
    assert (status, said["code"]) == (404, "not_found")


async def test_an_id_that_is_too_long_is_no_id(client: Client) -> None:
    status, said = await ask(client, f"/v1/messages/{'x' * 1025}")
    assert (status, said["errors"][0]["pointer"]) == (422, "/path/message_id")


async def test_another_workspace_is_told_what_it_is_told_of_an_unknown_message(client: Client) -> None:
    await client.send("track", track("m1"))
    await client.fate("m1")
    async with client_of(client.live) as other:
        assert await ask(other, "/v1/messages/m1") == await ask(other, "/v1/messages/m2")
        assert (await ask(other, "/v1/messages/m1"))[0] == 404
