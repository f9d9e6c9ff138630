"""The SDKs of Segment and RudderStack, unchanged, against the running product: everything arrives, and once."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from tests.live import Client, Live, client_of
from tests.sdk.sdks import SDKS, Sdk, Spoken, installed

every_sdk = pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.name)

TRAITS = {
    "email": "Zoe@example.com",
    "firstName": "Zoë",
    "motto": 'Ende gut, alles "gut" \\ 日本語 😀 \u202e',
    "age": 36,
    "lifetimeValue": 1234.56,
    "isVip": True,
    "nickname": None,
    "favourites": ["tea", {"colour": "grün", "shades": [1, 2.5]}],
}
BOUGHT = {"revenue": 39.9, "quantity": 3, "big": 9007199254740991, "name": "Schütze & Söhne", "none": None, "tags": []}


def track(number: int, **said: Any) -> dict[str, Any]:
    return {"type": "track", "userId": "u1", "event": f"Looked {number}", **said}


async def event_names(client: Client) -> Counter[str]:
    profile = await client.profile("user_id", "u1")
    return Counter(event.name or event.type for event in await client.events(profile))


@every_sdk
async def test_every_call_arrives_with_its_words(client: Client, sdk: Sdk) -> None:
    calls = [
        {"type": "track", "anonymousId": "a1", "event": "Browsed", "properties": {}},
        {"type": "identify", "userId": "u1", "anonymousId": "a1", "traits": TRAITS},
        {"type": "track", "userId": "u1", "event": "Bestellt ✓", "properties": BOUGHT},
        {
            "type": "page",
            "userId": "u1",
            "name": "Home",
            "category": "Shop",
            "properties": {"url": "https://s.example"},
        },
        {"type": "screen", "userId": "u1", "name": "Start", "category": "App"},
        {"type": "group", "userId": "u1", "groupId": "g1", "traits": {"name": "Analytical Engines", "seats": 7}},
        {"type": "alias", "userId": "u1", "previousId": "a0"},
        {"type": "track", "userId": "u1", "event": "Long ago", "timestamp": "2026-01-02T03:04:05.678+00:00"},
        {"type": "track", "userId": "u1", "event": "Named", "messageId": "order/42 ✓"},
    ]
    spoken = await sdk.speak(client.live.api.base_url, await client.key(), calls)
    assert spoken.errors == []
    assert len(set(spoken.sent)) == len(calls)
    assert "order/42 ✓" in spoken.sent
    assert await client.fates(spoken.sent) == ["applied"] * len(calls)
    profile = await client.profile("email", "zoe@example.com")
    assert {(held.namespace, held.value) for held in profile.identifiers} == {
        ("email", "zoe@example.com"),
        ("user_id", "u1"),
        ("anonymous_id", "a1"),
        ("anonymous_id", "a0"),
    }
    assert profile.traits == {
        "email": "zoe@example.com",
        "first_name": "Zoë",
        "motto": TRAITS["motto"],
        "age": 36,
        "lifetime_value": 1234.56,
        "is_vip": True,
        "favourites": TRAITS["favourites"],
    }
    events = await client.events(profile)
    assert sorted(event.message_id or "" for event in events) == sorted(spoken.sent)
    by_name = {event.name or event.type: event for event in events}
    assert by_name["Bestellt ✓"].properties == BOUGHT
    assert by_name["Home"].properties["url"] == "https://s.example"
    assert by_name["Long ago"].occurred_at.isoformat(timespec="seconds") == "2026-01-02T03:04:05+00:00"
    assert {event.type for event in events} == {"identify", "track", "page", "screen", "group", "alias"}


@every_sdk
async def test_much_at_once_is_split_as_the_sdk_splits_it_and_all_of_it_arrives(client: Client, sdk: Sdk) -> None:
    calls = [track(n, properties={"text": "ü" * 450}) for n in range(1500)]
    # Of the others only the number of events splits a batch right: they count characters, or mean 4 MB.
    by_bytes = {"upload_size": 2000} if sdk.name == "segment-analytics-python" else {}
    spoken = await sdk.speak(client.live.api.base_url, await client.key(), calls, **by_bytes)
    assert spoken.errors == []
    assert len(set(spoken.sent)) == 1500
    await client.fate(spoken.sent[-1])
    assert await client.log_size() == 1500
    assert set((await event_names(client)).values()) == {1}


@pytest.mark.parametrize("sdk", [sdk for sdk in SDKS if sdk.package == "rudderstack"], ids=lambda sdk: sdk.name)
async def test_rudderstacks_large_batches_are_taken_where_the_setting_says_so(live: Live, sdk: Sdk) -> None:
    """The one in Python closes a batch with the event that takes it past 4 MiB."""
    calls = [track(n, properties={"text": "x" * 31_000}) for n in range(150)]
    sizes = {"maxQueueSize": 4_194_304} if sdk.language == "node" else {}
    with live.another_api(CDP_MAX_BATCH_BYTES="8500000") as api:
        async with client_of(live, api.base_url) as client:
            spoken = await sdk.speak(api.base_url, await client.key(), calls, **{sdk.batch_of: 150}, **sizes)
            assert spoken.errors == []
            assert await client.log_size() == 150


@every_sdk
async def test_a_wrong_key_is_told_at_once_and_not_tried_for_ever(client: Client, sdk: Sdk) -> None:
    spoken = await asyncio.wait_for(sdk.speak(client.live.api.base_url, "wk1_wrong", [track(1)]), 5)
    assert len(spoken.errors) == 1


@asynccontextmanager
async def losing_answers(port: int, times: int) -> AsyncIterator[str]:
    """A road to a server that breaks after the request went through and before its answer comes, this many times."""
    left = times

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)

        async def answers() -> None:
            nonlocal left
            while data := await there.read(65536):
                if left:
                    left -= 1
                    break
                writer.write(data)
                await writer.drain()
            writer.transport.abort()

        answering = asyncio.create_task(answers())
        try:
            while data := await reader.read(65536):
                back.write(data)
                await back.drain()
        except ConnectionError:
            pass
        await answering
        back.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    assert left == 0, "no answer was lost"


@every_sdk
async def test_what_was_stored_and_never_acknowledged_is_sent_again_and_has_one_effect(
    client: Client, sdk: Sdk
) -> None:
    calls = [track(n) for n in range(30)]
    async with losing_answers(client.live.api.settings.port, times=2) as url:
        spoken = await sdk.speak(url, await client.key(), calls, **{sdk.batch_of: 10})
    assert spoken.errors == []
    assert await client.fates(spoken.sent) == ["applied"] * 30
    assert await event_names(client) == Counter(f"Looked {n}" for n in range(30))
    assert (await client.ask("GET", "/v1/quarantine")).json()["items"] == []


@asynccontextmanager
async def speakers(live: Live, base_url: str) -> AsyncIterator[list[tuple[Sdk, Client]]]:
    """Every SDK that can be had, each in a workspace of its own."""
    sdks = installed()
    if not sdks:
        pytest.skip("No SDK could be installed here.")
    async with AsyncExitStack() as ends:
        yield [(sdk, await ends.enter_async_context(client_of(live, base_url))) for sdk in sdks]


async def everything_once(pairs: list[tuple[Sdk, Client]], spoken: list[Spoken], many: int) -> None:
    for (sdk, client), said in zip(pairs, spoken, strict=True):
        assert said.errors == [], sdk.name
        assert len(set(said.sent)) == many, sdk.name
        assert await client.fates(said.sent) == ["applied"] * many, sdk.name
        assert await event_names(client) == Counter(f"Looked {n}" for n in range(many)), sdk.name


async def test_sdks_wait_while_too_much_is_waiting_and_lose_nothing(live: Live) -> None:
    calls = [track(n) for n in range(60)]
    with live.another_api(CDP_MAX_BACKLOG="5") as api:
        async with speakers(live, api.base_url) as pairs:
            with live.worker.paused():
                for _, client in pairs:
                    await client.send("batch", {"batch": [track(n, userId="other") for n in range(6)]})
                await asyncio.sleep(1.1)  # how long an API process believes what it knows of the backlog
                speaking = [
                    asyncio.create_task(sdk.speak(api.base_url, await client.key(), calls, **{sdk.batch_of: 20}))
                    for sdk, client in pairs
                ]
                await told_to_wait(pairs, 2 * len(pairs))
            await everything_once(pairs, list(await asyncio.gather(*speaking)), 60)


async def told_to_wait(pairs: list[tuple[Sdk, Client]], times: int) -> None:
    """Return when the API has answered 429 this often."""
    seen = 0.0
    async with asyncio.timeout(30):
        while seen < times:
            await asyncio.sleep(0.1)
            figures = (await pairs[0][1].http.get("/metrics")).text
            told = re.findall(
                r'^samewise_ingest_answers_total\{door="batch",status="429"\} (\S+)', figures, re.MULTILINE
            )
            seen = sum(map(float, told))


async def test_an_api_that_is_killed_while_sdks_send_loses_nothing_and_doubles_nothing(live: Live) -> None:
    calls = [track(n) for n in range(200)]
    with live.another_api() as api:
        async with speakers(live, api.base_url) as pairs:
            for _, client in pairs:
                await client.key()
            speaking = [
                asyncio.create_task(
                    sdk.speak(api.base_url, await client.key(), calls, pace=0.01, **{sdk.batch_of: 5, sdk.tries: 8})
                )
                for sdk, client in pairs
            ]
            await asyncio.sleep(1)
            api.kill()
            assert any(not each.done() for each in speaking)
            await asyncio.to_thread(api.start)
            await everything_once(pairs, list(await asyncio.gather(*speaking)), 200)
