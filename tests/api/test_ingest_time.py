"""When an event happened: the client's clock may be wrong, ours is not, and no event is from the future."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.live import Client

NEAR = timedelta(seconds=5)
DAY = timedelta(days=1)


async def happened(client: Client, said: dict[str, Any], outer: dict[str, Any] | None = None) -> datetime:
    """The time at which the platform says that this event happened."""
    event = {"type": "track", "messageId": "m1", "userId": "7", "event": "Looked", **said}
    assert (await client.send("batch", {"batch": [event], **(outer or {})})).status_code == 200
    assert (await client.fate("m1"))["fate"] == "applied"
    (found,) = await client.events(await client.profile("user_id", "7"))
    return found.occurred_at


@pytest.mark.parametrize("wrong_by", [-DAY, timedelta(), DAY, 365 * DAY])
@pytest.mark.parametrize("field", ["timestamp", "originalTimestamp"])
async def test_a_clock_that_is_wrong_is_corrected_by_what_it_said_when_it_sent(
    client: Client, wrong_by: timedelta, field: str
) -> None:
    now = datetime.now(UTC)
    client_now = now + wrong_by
    said = {field: (client_now - timedelta(hours=2)).isoformat()}
    at = await happened(client, said, {"sentAt": client_now.isoformat()})
    assert abs(at - (now - timedelta(hours=2))) < NEAR


async def test_the_span_between_the_two_readings_is_kept_to_the_microsecond(client: Client) -> None:
    sent = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    said = [("a", timedelta(seconds=10)), ("b", timedelta(microseconds=1))]
    batch = [
        {"type": "track", "messageId": id, "userId": "7", "event": id, "timestamp": (sent - ago).isoformat()}
        for id, ago in said
    ]
    assert (await client.send("batch", {"batch": batch, "sentAt": sent.isoformat()})).status_code == 200
    await client.fates(["a", "b"])
    first, second = await client.events(await client.profile("user_id", "7"))
    assert (first.name, second.name) == ("a", "b")
    assert second.occurred_at - first.occurred_at == timedelta(seconds=10, microseconds=-1)
    assert second.received_at - second.occurred_at == timedelta(microseconds=1)


async def test_an_events_own_time_of_sending_wins_over_its_batchs(client: Client) -> None:
    now = datetime.now(UTC)
    said = {"originalTimestamp": (now - DAY).isoformat(), "sentAt": (now - DAY + NEAR).isoformat()}
    at = await happened(client, said, {"sentAt": now.isoformat()})
    assert abs(at - now) < 2 * NEAR


async def test_without_a_time_of_sending_the_time_stands_in_any_zone(client: Client) -> None:
    assert await happened(client, {"timestamp": "2026-03-01T10:00:00+05:30"}) == datetime(2026, 3, 1, 4, 30, tzinfo=UTC)


async def test_without_any_time_it_happened_when_it_was_received(client: Client) -> None:
    assert abs(await happened(client, {}) - datetime.now(UTC)) < NEAR


async def test_an_event_from_the_future_happened_at_most_five_minutes_after_its_receipt(client: Client) -> None:
    now = datetime.now(UTC)
    at = await happened(client, {"timestamp": (now + 3 * DAY).isoformat()}, {"sentAt": (now - DAY).isoformat()})
    assert abs(at - (now + timedelta(minutes=5))) < NEAR
