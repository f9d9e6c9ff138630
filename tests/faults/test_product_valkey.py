"""The queue server away, forgetful or hanging: ingest answers as ever, and work goes on within about a second."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest
from arq.connections import ArqRedis

from app.cli.prepare import prepare
from app.cli.schema import migrate
from app.core.doorbell import BURST_SECONDS, QUEUE, Doorbell
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.embedded import Embedded
from tests.faults.figures import tell
from tests.faults.installation import Tenancy, tenancy
from tests.faults.ledger import Order, sending
from tests.faults.verdict import drained, judge
from tests.live import Server, free_port

MESSAGES = 4000
SWEPT_IN = 2.5
"""Seconds: the sweep looks every second."""

ENDS_IN = 5.0
STOPS = 8


class Product:
    """An API and a worker on a database that nobody harms and a queue server that the test has in hand."""

    def __init__(self, settings: Settings, rt: Runtime, bell: Embedded) -> None:
        self.settings = settings
        self.rt = rt
        self.bell = bell
        self.api, self.worker = Server("api", settings), Server("worker-1", settings)

    async def place(self, name: str, **given: object) -> Tenancy:
        return await tenancy(self.rt, self.settings, self.settings.data_dir / name, name=name, **given)

    def signal_bell(self, number: signal.Signals) -> None:
        assert self.bell.valkey_pid is not None
        os.kill(self.bell.valkey_pid, number)


@pytest.fixture(scope="module")
def bell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    bell = Embedded(tmp_path_factory.mktemp("bell") / "data", postgres=False)
    bell.start()
    try:
        yield bell
    finally:
        bell.stop()


@pytest.fixture(scope="module")
async def product(bell: Embedded, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    home = tmp_path_factory.mktemp("product")
    with Embedded(home / "servers", valkey=False) as servers:
        settings = Settings(
            database_url=servers.database_url,
            redis_url=f"unix://{_socket(bell)}",
            data_dir=home / "data",
            port=free_port(),
        )
        await asyncio.to_thread(migrate, servers.database_url)
        await asyncio.to_thread(prepare, settings)
        rt = await Runtime.open(settings, pool_size=2)
        product = Product(settings, rt, bell)
        product.worker.start()
        await asyncio.to_thread(product.api.start)
        yield product
        await rt.close()
        product.api.kill()
        product.worker.kill()


def _socket(bell: Embedded) -> Path:
    from app.embedded import running

    servers = running(bell.data_dir)
    assert servers is not None
    return Path(servers.redis_url.removeprefix("unix://"))


async def test_a_worker_that_loses_the_queue_server_finishes_its_batch(product: Product) -> None:
    place = await product.place("killed", messages=MESSAGES, people=50)
    with sending(place.order) as load:
        for _ in range(4):
            await asyncio.sleep(0.3)
            product.signal_bell(signal.SIGKILL)
            await asyncio.sleep(0.3)
            await asyncio.to_thread(product.bell.ensure_alive)
        book = await asyncio.to_thread(load.finish, 60)
    taken = await drained(product.rt, place.workspace, 20)
    tell(f"drained {taken:.1f} s after the last of {MESSAGES}; a lease is {product.settings.lease_seconds} s long")
    assert taken < SWEPT_IN
    assert book.answers.keys() <= {"200", "202"}
    assert not (await judge(product.rt, place, book)).faults
    async with product.rt.begin(place.workspace.id) as tx:
        assert not await tx.conn.fetchval("SELECT count(*) FROM quarantine")


async def test_without_a_queue_server_work_goes_on_by_the_sweep(product: Product) -> None:
    """It hangs: it takes connections and commands, and says nothing."""
    place = await product.place("hangs")
    product.signal_bell(signal.SIGSTOP)
    try:
        async with httpx2.AsyncClient(base_url=place.order.base_url, timeout=10) as http:
            times = [await _visible_in(http, place.order, number) for number in range(8)]
    finally:
        product.signal_bell(signal.SIGCONT)
    tell(
        f"queue server hangs: accepted in {max(a for a, _ in times):.2f} s, visible in {max(v for _, v in times):.2f} s"
    )
    assert max(accepted for accepted, _ in times) < 1
    assert max(visible for _, visible in times) < SWEPT_IN


async def _visible_in(http: httpx2.AsyncClient, order: Order, number: int) -> tuple[float, float]:
    """Seconds until one event is accepted, and from then until its profile is there."""
    event = {"messageId": f"v{number}", "userId": f"v{number}"}
    began = time.monotonic()
    answer = await http.post("/v1/identify", json=event, auth=(order.write_key, ""))
    assert answer.status_code == 200
    accepted = time.monotonic()
    asked = {"lookups": [{"namespace": "user_id", "value": f"v{number}"}]}
    bearer = {"Authorization": f"Bearer {order.token}"}
    while (await http.post("/v1/profiles/lookup", json=asked, headers=bearer)).json()["profiles"] == [None]:
        assert time.monotonic() - accepted < 10
        await asyncio.sleep(0.01)
    return accepted - began, time.monotonic() - accepted


async def test_an_api_ends_in_time_though_the_queue_server_hangs(product: Product) -> None:
    place = await product.place("ends")
    other = Server("api", product.settings.model_copy(update={"port": free_port()}))
    await asyncio.to_thread(other.start)
    product.signal_bell(signal.SIGSTOP)
    try:
        async with httpx2.AsyncClient(base_url=other.base_url, timeout=10) as http:
            for number in range(20):
                event = {"messageId": f"e{number}", "userId": "e"}
                answer = await http.post("/v1/identify", json=event, auth=(place.order.write_key, ""))
                assert answer.status_code == 200
        began = time.monotonic()
        await asyncio.to_thread(other.stop)
        assert time.monotonic() - began < ENDS_IN
    finally:
        product.signal_bell(signal.SIGCONT)


async def test_a_worker_that_hears_bells_ends_in_time(product: Product) -> None:
    place = await product.place("bells", messages=10_000, rate=100.0)
    other = Server("worker-1", product.settings)
    with sending(place.order):
        for _ in range(STOPS):
            other.start()
            await asyncio.sleep(1.5)
            began = time.monotonic()
            await asyncio.to_thread(other.stop)
            assert time.monotonic() - began < ENDS_IN


async def test_a_commit_right_after_another_is_announced_as_well(bell: Embedded) -> None:
    url = f"unix://{_socket(bell)}?db=1"  # where no worker of the product listens
    queue: ArqRedis = ArqRedis.from_url(url)
    doorbell = Doorbell(url)
    try:
        await queue.flushall()
        first = asyncio.create_task(doorbell.ring())
        await _rung(queue)
        await queue.flushall()
        await doorbell.ring()
        await first
        assert await queue.zcard(QUEUE) == 1
    finally:
        await doorbell.close()
        await queue.aclose()


async def _rung(queue: ArqRedis) -> None:
    """Wait for a ring as a worker does, but more often."""
    for _ in range(2000):
        if await queue.zcard(QUEUE):
            return
        await asyncio.sleep(BURST_SECONDS / 20)
    pytest.fail("nobody rang")
