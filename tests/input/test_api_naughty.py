"""Every naughty string in every text that a stranger can send: taken byte for byte or refused, and never a 500.

The strings are the Big List of Naughty Strings.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from app.domain import keys
from app.domain.lookup import By, ByIdentifier, ByRecord, lookup
from app.domain.profiles import Profile
from app.identity.identifier import Identifier, identifier
from tests.live import Client, as_bytes, quoted

LIST = Path(__file__).parents[2].parent / "shared" / "data" / "corpora" / "blns" / "blns.json"
if not LIST.exists():
    pytest.skip(f"no naughty strings at {LIST}", allow_module_level=True)
NAUGHTY: list[str] = json.loads(LIST.read_text("utf-8"))

EVENT_FIELDS: dict[str, Any] = {
    "userId": lambda s: {"userId": s},
    "anonymousId": lambda s: {"anonymousId": s},
    "userId and anonymousId": lambda s: {"userId": s, "anonymousId": s},
    "messageId": lambda s: {"messageId": s},
    "event": lambda s: {"event": s},
    "page name": lambda s: {"type": "page", "name": s},
    "groupId": lambda s: {"type": "group", "groupId": s},
    "previousId": lambda s: {"type": "alias", "previousId": s},
    "trait name": lambda s: {"type": "identify", "traits": {s: "v"}},
    "trait value": lambda s: {"type": "identify", "traits": {"note": s, "email": s, "phone": s, "birthday": s}},
    "context trait": lambda s: {"context": {"traits": {s: s}}},
    "external id": lambda s: {"context": {"externalIds": [{"type": "card", "id": s}, {"type": s, "id": "1"}]}},
    "timestamp": lambda s: {"timestamp": s},
    "sentAt": lambda s: {"sentAt": s},
    "type": lambda s: {"type": s},
}


async def profiles(client: Client, wanted: Sequence[By]) -> list[Profile | None]:
    rt = client.live.rt
    async with rt.begin(client.workspace.id) as tx:
        return await lookup(tx, await keys.keyring(rt, tx), wanted)


async def settled(client: Client) -> list[str]:
    """The reasons of everything that was set aside, once nothing waits; what broke the pipeline is not among them."""
    deadline = time.monotonic() + 60
    while True:
        async with client.live.rt.begin(client.workspace.id) as tx:
            waiting = await tx.conn.fetchval("SELECT count(*) FROM ingest_queue")
            codes = [row["code"] for row in await tx.conn.fetch("SELECT code FROM quarantine ORDER BY id")]
        if not waiting:
            assert not {"failed", "poison"} & set(codes)
            return codes
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("field", EVENT_FIELDS)
async def test_events_hold_them_everywhere(client: Client, field: str) -> None:
    events = [
        {"type": "track", "userId": f"u{n}", "event": "e", "messageId": f"m{n}", **EVENT_FIELDS[field](s)}
        for n, s in enumerate(NAUGHTY)
    ]
    answer = await client.send("batch", {"batch": events})
    assert answer.status_code == 200
    await settled(client)


async def test_what_events_say_comes_back_byte_for_byte(client: Client) -> None:
    events = [
        {"type": "track", "userId": "u", "event": s or "empty", "messageId": f"m{n}", "properties": {"text": s, s: s}}
        for n, s in enumerate(NAUGHTY)
    ]
    for n in range(0, len(events), 100):
        assert (await client.send("batch", {"batch": events[n : n + 100]})).status_code == 200
    assert await settled(client) == []
    (profile,) = await profiles(client, [ByIdentifier("user_id", "u")])
    assert profile is not None
    found = {event.message_id: event for event in await client.events(profile)}
    for n, s in enumerate(NAUGHTY):
        assert found[f"m{n}"].name == (s or "empty")
        assert found[f"m{n}"].properties == {"text": s, s: s}


async def test_message_ids_are_found_by_their_own_bytes(client: Client) -> None:
    ids = list(dict.fromkeys(s for s in NAUGHTY if s))
    body = {"batch": [{"type": "page", "userId": "u", "messageId": s} for s in ids]}
    assert (await client.send("batch", body)).status_code == 200
    assert await settled(client) == []
    fates = await asyncio.gather(*map(client.fate, ids))
    assert [found["message_id"] for found in fates] == ids
    assert {found["fate"] for found in fates} == {"applied"}


async def test_trait_values_come_back_byte_for_byte(client: Client) -> None:
    answer = await client.records([{"key": n, "traits": {"note": s, "list": [s]}} for n, s in enumerate(NAUGHTY)])
    assert answer.json()["rejected"] == []
    assert await settled(client) == []
    found = await profiles(client, [ByRecord("crm", str(n)) for n in range(len(NAUGHTY))])
    for s, profile in zip(NAUGHTY, found, strict=True):
        assert profile is not None
        assert profile.traits.get("note") == (s if s.strip() else None)  # what is blank is no value
        assert profile.traits["list"] == [s]


async def test_record_keys_come_back_byte_for_byte_or_are_refused(client: Client) -> None:
    answer = (await client.records([{"key": s, "traits": {"note": "x"}} for s in NAUGHTY])).json()
    refused = {each["index"] for each in answer["rejected"]}
    assert {each["code"] for each in answer["rejected"]} == {"bad_length"}
    assert all(not NAUGHTY[n].strip() or len(NAUGHTY[n]) > 512 for n in refused)
    await settled(client)
    taken = [s for n, s in enumerate(NAUGHTY) if n not in refused]
    found = await profiles(client, [ByRecord("crm", s) for s in taken])
    assert [[record.key for record in profile.records] if profile else None for profile in found] == [
        [s] for s in taken
    ]


async def test_identifiers_find_their_records_or_say_why_not(client: Client) -> None:
    items = [
        {"key": n, "traits": {}, "identifiers": [{"namespace": "card", "value": s}]} for n, s in enumerate(NAUGHTY)
    ]
    assert (await client.records(items)).json()["rejected"] == []
    assert await settled(client) == []
    found = await profiles(client, [ByIdentifier("card", s) for s in NAUGHTY])
    for n, (s, profile) in enumerate(zip(NAUGHTY, found, strict=True)):
        if isinstance(read := identifier("card", s), Identifier):
            assert profile is not None
            assert str(n) in {record.key for record in profile.records}
            assert read in profile.identifiers
        else:
            assert profile is None


async def test_names_are_taken_or_refused_with_their_place(client: Client) -> None:
    def named(n: int, s: str) -> list[dict[str, Any]]:
        return [
            {"key": f"n{n}", "traits": {}, "identifiers": [{"namespace": s, "value": "1"}]},
            {"key": f"t{n}", "traits": {s: "v"}},
            {"key": f"x{n}", "traits": {}, s: 1},
            {"key": f"m{n}", "traits": {}, "message_id": s},
            {"key": f"o{n}", "traits": {}, "observed_at": s},
        ]

    items = [item for n, s in enumerate(NAUGHTY) for item in named(n, s)]
    rejected = (await client.records(items)).json()["rejected"]
    expected = {"bad_namespace", "unknown_member", "bad_message_id", "message_id_reused", "bad_time"}
    assert {each["code"] for each in rejected} == expected
    assert sum(each["code"] == "unknown_member" for each in rejected) == len(NAUGHTY)
    await settled(client)


def in_a_header(s: str) -> bool:
    """RFC 9110 section 5.5: any bytes but control characters, without blanks around them."""
    return s.strip() == s != "" and not any(ord(c) < 32 or ord(c) == 127 for c in s)


@pytest.mark.timeout(60)
async def test_paths_queries_and_headers_hold_them(client: Client) -> None:
    record = as_bytes([{"key": "1", "traits": {}}])

    async def statuses(s: str) -> list[int]:
        name = quoted(s)
        asked = [
            client.ask("GET", f"/v1/messages/{name}"),
            client.ask("GET", f"/v1/quarantine?code={name}"),
            client.ask("GET", f"/v1/quarantine?cursor={name}&limit={name}&state={name}"),
            client.ask("GET", f"/v1/quarantine/{name}"),
            client.ask("POST", f"/v1/quarantine/{name}/replay"),
            client.records(record, source=name, query=f"?wait={name}"),
        ]
        if in_a_header(s):
            for header in ("Idempotency-Key", "X-Request-Id", "Content-Encoding", "Content-Type", "Authorization"):
                given = {**client.bearer, header: s.encode()}
                asked.append(client.http.post("/v1/sources/crm/records", content=record, headers=given))
            asked.append(
                client.http.post("/v1/track", content=b"{}", headers={"Authorization": b"Basic " + s.encode()})
            )
        return [answer.status_code for answer in await asyncio.gather(*asked)]

    every = list(dict.fromkeys(NAUGHTY))
    for start in range(0, len(every), 20):
        for s, found in zip(
            every[start:], await asyncio.gather(*map(statuses, every[start : start + 20])), strict=False
        ):
            assert max(found) < 500, (s, found)
