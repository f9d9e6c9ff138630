"""When too much waits, or the database is away, senders are asked to come again; nothing is refused for good."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from app.api.ingest.commit import DEPTH_SECONDS
from app.cli.migrate import migrate
from app.cli.prepare import prepare
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.embedded import Embedded
from tests.live import Client, Live, Server, client_of, free_port


def track(message_id: str) -> dict[str, Any]:
    return {"type": "track", "messageId": message_id, "userId": "7", "event": "Looked"}


def record(key: str) -> list[dict[str, Any]]:
    return [{"key": key, "traits": {"first_name": "Ada"}}]


async def test_more_than_the_backlog_is_told_to_come_again_and_is_taken_then(live: Live) -> None:
    with live.another_api(CDP_MAX_BACKLOG="5") as api:
        async with client_of(live, api.base_url) as client, client_of(live, api.base_url) as neighbour:
            with live.worker.paused():
                await client.send("batch", {"batch": [track(f"m{n}") for n in range(6)]})
                await asyncio.sleep(DEPTH_SECONDS + 0.1)
                for refused in (await client.send("track", track("late")), await client.records(record("42"))):
                    assert (refused.status_code, refused.json()["code"]) == (429, "overloaded")
                    assert 1 <= int(refused.headers["Retry-After"]) <= 60
                    assert refused.headers["X-RateLimit-Reset"] == refused.headers["Retry-After"]
                assert (await neighbour.send("track", track("mine"))).status_code == 200
            await client.fate("m5")
            await asyncio.sleep(DEPTH_SECONDS + 0.1)
            assert (await client.send("track", track("late"))).status_code == 200
            assert (await client.records(record("42"))).status_code == 202
            assert await client.log_size() == 8


@asynccontextmanager
async def own_product(home: Path) -> AsyncIterator[tuple[Embedded, Client]]:
    """An API process and a worker on servers of one's own, to be killed."""
    embedded = Embedded(home / "data")
    with embedded as servers:
        settings = Settings(
            database_url=servers.database_url, redis_url=servers.redis_url, data_dir=home, port=free_port()
        )
        await asyncio.to_thread(migrate, servers.database_url)
        await asyncio.to_thread(prepare, settings)
        api, worker = Server("api", settings), Server("worker-1", settings)
        rt = await Runtime.open(settings)
        try:
            worker.start()
            await asyncio.to_thread(api.start)
            async with client_of(Live(settings, rt, api, worker)) as client:
                yield embedded, client
        finally:
            await rt.close()
            for server in (api, worker):
                server.stop()


def kill(pid: Callable[[], int | None]) -> None:
    """Kill the server that `pid` tells, and wait until it is gone."""
    server = pid()
    assert server is not None
    os.kill(server, signal.SIGKILL)
    while pid() is not None:
        time.sleep(0.001)


async def test_a_database_that_is_away_is_a_503_and_its_return_needs_no_hand(tmp_path: Path) -> None:
    async with own_product(tmp_path) as (embedded, client):
        assert (await client.send("track", track("before"))).status_code == 200
        assert (await client.records(record("42"))).status_code == 202
        await asyncio.to_thread(kill, lambda: embedded.postgres_pid)
        for refused in (
            await client.send("track", track("during")),
            await client.records(record("43")),
            await client.ask("GET", "/v1/messages/before"),
            await client.http.get("/readyz"),
        ):
            assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
            assert int(refused.headers["Retry-After"]) >= 1
        assert (await client.http.get("/livez")).status_code == 200
        await asyncio.to_thread(embedded.ensure_alive)
        assert (await client.send("track", track("during"))).status_code == 200
        assert await client.fates(["before", "during"]) == ["applied"] * 2


async def test_without_the_queue_server_messages_are_taken_and_applied_all_the_same(tmp_path: Path) -> None:
    async with own_product(tmp_path) as (embedded, client):
        await asyncio.to_thread(kill, lambda: embedded.valkey_pid)
        assert (await client.send("track", track("m1"))).status_code == 200
        assert (await client.records(record("42"), query="?wait=resolved")).json()["resolved"] is True
        assert await client.fates(["m1"]) == ["applied"]
