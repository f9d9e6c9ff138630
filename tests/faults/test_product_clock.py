"""Workers whose clocks are two days off: the database's clock counts, and nobody is believed about the future."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from app.core.runtime import Runtime
from app.core.settings import Settings
from tests.faults.figures import tell
from tests.faults.installation import tenancy
from tests.faults.ledger import sending
from tests.faults.verdict import drained, judge
from tests.live import Server

MESSAGES = 3000
SKEWS = ("+2d", "-2d")
TOLERANCE = timedelta(minutes=5, seconds=30)
"""What a clock may be ahead before it is not believed, and a little for the test."""


def library() -> Path | None:
    """libfaketime where Debian puts it, or where FAKETIME_LIBRARY says that it is."""
    said = os.environ.get("FAKETIME_LIBRARY")
    found = [Path(said)] if said else sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return next((path for path in found if path.exists()), None)


pytestmark = pytest.mark.skipif(library() is None, reason="no libfaketime; apt install faketime")


@pytest.fixture(scope="module")
async def eye(live_settings: Settings) -> AsyncIterator[Runtime]:
    rt = await Runtime.open(live_settings, pool_size=2)
    yield rt
    await rt.close()


@pytest.fixture(scope="module")
def workers(live_settings: Settings) -> Iterator[list[Server]]:
    """An API with the right time, and workers of whom none has it."""
    with ExitStack() as ends:
        made = []
        for skew in SKEWS:
            fake = {"LD_PRELOAD": str(library()), "FAKETIME": skew, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
            worker = Server("worker-1", live_settings, fake)
            worker.start()
            ends.callback(worker.kill)
            made.append(worker)
        api = Server("api", live_settings)
        api.start()
        ends.callback(api.kill)
        yield made


async def test_leases_and_effects_do_not_depend_on_the_clocks_of_workers(
    workers: list[Server], eye: Runtime, tmp_path: Path
) -> None:
    place = await tenancy(eye, eye.settings, tmp_path / "book", name="clock", messages=MESSAGES, people=150)
    furthest = timedelta()
    with sending(place.order) as load:
        while not load.is_over:
            async with eye.begin(place.workspace.id) as tx:
                held = await tx.conn.fetchval("SELECT max(leased_until) - clock_timestamp() FROM ingest_queue")
            furthest = max(furthest, held or timedelta())
            await asyncio.sleep(0.005)
        book = load.finish(60)
    tell(f"the longest lease seen ends in {furthest.total_seconds():.1f} s")
    assert timedelta() < furthest <= timedelta(seconds=eye.settings.lease_seconds)
    await drained(eye, place.workspace, 30)
    verdict = await judge(eye, place, book)
    assert not verdict.faults
    assert verdict.fates == {"applied": MESSAGES}


async def test_a_message_from_the_future_is_dated_when_it_came(
    workers: list[Server], eye: Runtime, tmp_path: Path
) -> None:
    place = await tenancy(eye, eye.settings, tmp_path / "book", name="future")
    order = place.order
    ahead = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    bearer = {"Authorization": f"Bearer {order.token}"}
    async with httpx2.AsyncClient(base_url=order.base_url, timeout=30) as http:
        for number in range(20):
            key = f"f{number}"
            record = {
                "key": key,
                "traits": {"city": "Oslo"},
                "identifiers": [{"namespace": "user_id", "value": key}],
                "observed_at": ahead,
            }
            posted = await http.post("/v1/sources/crm/records?wait=resolved", json=[record], headers=bearer)
            assert posted.json()["resolved"]
            event = {"userId": key, "event": "Tick", "timestamp": ahead, "messageId": key}
            assert (await http.post("/v1/track", json=event, auth=(order.write_key, ""))).status_code == 200
        await drained(eye, place.workspace, 30)
        latest = datetime.now(UTC) + TOLERANCE
        for number in range(20):
            asked = {"lookups": [{"namespace": "user_id", "value": f"f{number}"}]}
            answer = await http.post("/v1/profiles/lookup?verbose=true", json=asked, headers=bearer)
            (profile,) = answer.json()["profiles"]
            assert datetime.fromisoformat(profile["traits"]["city"]["observed_at"]) < latest
            events = (await http.get(f"/v1/profiles/{profile['id']}/events", headers=bearer)).json()["items"]
            assert [datetime.fromisoformat(event["occurred_at"]) < latest for event in events] == [True]


async def test_what_is_made_is_dated_by_the_database(workers: list[Server], eye: Runtime, tmp_path: Path) -> None:
    place = await tenancy(eye, eye.settings, tmp_path / "book", name="dated", messages=200, people=20)
    for off in workers:
        order = replace(place.order, name=off.extra["FAKETIME"], book=str(tmp_path / off.extra["FAKETIME"]))
        (other,) = (each for each in workers if each is not off)
        with other.paused(), sending(order) as load:
            await asyncio.to_thread(load.finish, 60)
            await drained(eye, place.workspace, 30)
    async with eye.begin(place.workspace.id) as tx:
        for time in ("settled_at FROM fates", "at FROM profile_versions", "updated_at FROM profiles"):
            rows = await tx.conn.fetch(f"SELECT {time}")
            assert len(rows) >= 40
            assert max(abs(datetime.now(UTC) - row[0]) for row in rows) < timedelta(minutes=5)
