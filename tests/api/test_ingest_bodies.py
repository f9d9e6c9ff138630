"""Request bodies as they really arrive: packed, broken off, in pieces, slowly, or not at all."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest

from tests.live import Client, as_bytes

KIB, MIB = 1024, 1024 * 1024


def track(message_id: str, **said: Any) -> dict[str, Any]:
    return {"type": "track", "messageId": message_id, "userId": "7", "event": "Looked", **said}


def batch(*message_ids: str) -> bytes:
    return as_bytes({"batch": [track(id) for id in message_ids]})


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "application/x-www-form-urlencoded",
        "text/plain; charset=latin-1",
        "image/png",
        "nonsense",
        "",
    ],
)
async def test_the_content_type_does_not_matter_when_the_body_is_json(client: Client, kind: str) -> None:
    answer = await client.send("batch", batch("m1"), Content_Type=kind)
    assert answer.status_code == 200
    assert await client.fates(["m1"]) == ["applied"]


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
async def test_a_gzip_body_is_unpacked(client: Client, encoding: str) -> None:
    answer = await client.send("batch", gzip.compress(batch("m1")), Content_Encoding=encoding)
    assert answer.status_code == 200
    assert await client.fates(["m1"]) == ["applied"]


async def test_a_gzip_body_of_several_members_is_unpacked(client: Client) -> None:
    """RFC 1952 section 2.2: members follow one another."""
    whole = batch("m1", "m2")
    assert (
        await client.send("batch", gzip.compress(whole[:40]) + gzip.compress(whole[40:]), Content_Encoding="gzip")
    ).status_code == 200
    assert await client.fates(["m1", "m2"]) == ["applied"] * 2


GOOD = gzip.compress(batch("m1"))


@pytest.mark.parametrize(
    ("body", "encoding", "status", "code"),
    [
        (GOOD[:-1], "gzip", 400, "bad_gzip"),
        (GOOD[:30], "gzip", 400, "bad_gzip"),
        (GOOD + b"trailing", "gzip", 400, "bad_gzip"),
        (GOOD[:-8] + b"\0" * 8, "gzip", 400, "bad_gzip"),
        (batch("m1"), "gzip", 400, "bad_gzip"),
        (gzip.compress(b"") * 25_000, "gzip", 400, "bad_gzip"),
        (b"", "gzip", 400, "bad_gzip"),
        (zlib.compress(batch("m1")), "gzip", 400, "bad_gzip"),
        (batch("m1"), "br", 400, "unsupported_encoding"),
        (GOOD, "gzip, gzip", 400, "unsupported_encoding"),
        (GOOD, "identity", 400, "invalid_json"),
    ],
)
async def test_a_body_that_is_not_what_it_says_is_refused(
    client: Client, body: bytes, encoding: str, status: int, code: str
) -> None:
    answer = await client.send("batch", body, Content_Encoding=encoding)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await client.log_size() == 0


async def test_a_bomb_is_refused_before_it_is_unpacked(client: Client) -> None:
    bomb = gzip.compress(b" " * (100 * MIB))
    assert len(bomb) < 120 * KIB
    before = peak(client)
    answers = await asyncio.gather(*(client.send("batch", bomb, Content_Encoding="gzip") for _ in range(4)))
    assert [answer.status_code for answer in answers] == [413] * 4
    assert peak(client) - before < 32 * MIB


def peak(client: Client) -> int:
    """The resident memory of the API process."""
    process = client.live.api.process
    assert process is not None
    return int(psutil.Process(process.pid).memory_info().rss)


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/sources/crm/records", "/v1/quarantine/AAAAAAAAAA"])
async def test_a_body_of_50_mb_is_refused_without_being_read_whole(client: Client, path: str) -> None:
    before, sent = peak(client), 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(800):
            sent += 64 * KIB
            yield b" " * (64 * KIB)

    headers = client.bearer if "batch" not in path else {}
    auth = (await client.key(), "") if "batch" in path else None
    method = "PUT" if "quarantine" in path else "POST"
    answer = await client.http.request(
        method, path, content=endless(), auth=auth, headers={**headers, "Content-Type": "application/json"}
    )
    assert answer.status_code == 413
    assert peak(client) - before < 32 * MIB


async def raw(client: Client, *parts: bytes, pause: float = 0) -> bytes:
    """What the server says to bytes that are sent in parts with a pause between them, until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.live.api.settings.port)
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(pause)
    said = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return said


async def request(client: Client, body: bytes, *headers: bytes) -> bytes:
    named = [b"POST /v1/track HTTP/1.1", b"Host: cdp", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(named) + b"\r\n\r\n" + body


async def keyed(client: Client, message_id: str) -> bytes:
    return as_bytes(track(message_id, writeKey=await client.key()))


async def test_a_body_may_come_in_chunks(client: Client) -> None:
    body = await keyed(client, "m1")
    pieces = [body[n : n + 7] for n in range(0, len(body), 7)]
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    head = b"POST /v1/track HTTP/1.1\r\nHost: cdp\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert (await raw(client, head, chunked)).startswith(b"HTTP/1.1 200")
    assert await client.fates(["m1"]) == ["applied"]


async def test_a_body_may_come_slowly_and_the_connection_is_closed_as_asked(client: Client) -> None:
    whole = await request(client, await keyed(client, "m1"), b"Connection: close")
    answer = await raw(client, *(whole[n : n + 40] for n in range(0, len(whole), 40)), pause=0.05)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer.lower()


async def test_requests_that_follow_at_once_on_one_connection_are_answered_in_order(client: Client) -> None:
    several = [await request(client, await keyed(client, f"m{n}")) for n in range(5)]
    last = await request(client, b"{", b"Connection: close")
    answer = await raw(client, b"".join(several) + last)
    assert answer.count(b"HTTP/1.1 200") == 5
    assert answer.rfind(b"HTTP/1.1 200") < answer.find(b"HTTP/1.1 400")
    assert await client.fates(f"m{n}" for n in range(5)) == ["applied"] * 5


async def test_a_client_that_goes_away_in_mid_body_leaves_nothing_behind(client: Client) -> None:
    whole = await request(client, await keyed(client, "m1"))
    _, writer = await asyncio.open_connection("127.0.0.1", client.live.api.settings.port)
    writer.write(whole[:-10])
    await writer.drain()
    writer.transport.abort()
    await asyncio.sleep(0.2)
    assert await client.log_size() == 0
    assert (await client.send("track", track("m1"))).status_code == 200
    assert b"Traceback" not in client.live.api.log.read_bytes()


async def test_a_client_that_goes_away_before_the_answer_has_sent_its_message(client: Client) -> None:
    whole = await request(client, await keyed(client, "m1"))
    _, writer = await asyncio.open_connection("127.0.0.1", client.live.api.settings.port)
    writer.write(whole)
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.transport.abort()
    assert await client.fates(["m1"]) == ["applied"]


@pytest.mark.parametrize(
    "head",
    [
        b"POST /v1/track HTTP/1.1\r\nHost: cdp\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/track HTTP/1.1\r\nHost: cdp\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"POST /v1/track HTTP/1.1\r\nHost: cdp\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/track HTTP/1.1\r\nHost: cdp\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello \r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_refused_and_the_connection_closed(client: Client, head: bytes) -> None:
    answer = await raw(client, head)
    assert answer.startswith(b"HTTP/1.1 4")
    assert (await client.http.get("/livez")).status_code == 200
