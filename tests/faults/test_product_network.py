"""A bad network between the product and its database: slow, cut off, silent. Nobody waits for ever, nothing is lost."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx2
import pytest

from app.cli.prepare import prepare
from app.cli.schema import migrate
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.embedded import Embedded
from tests.faults.figures import tell
from tests.faults.foreign import Foreign, foreign_postgres
from tests.faults.installation import Tenancy, tenancy
from tests.faults.ledger import Load, Order, sending
from tests.faults.proxy import Proxy, proxy
from tests.faults.verdict import drained, judge
from tests.live import Server, free_port

MESSAGES = 1200
RATE = 300.0
ANSWERED_IN = 30.0
"""Seconds that a request may take at most when the database says nothing at all."""
BACK_IN = 10.0


@dataclass
class Distant:
    """The product with its database behind a bad network. `eye` sees the database without it."""

    network: Proxy
    api: Server
    worker: Server
    eye: Runtime
    home: Path

    async def place(self, name: str) -> Tenancy:
        return await tenancy(
            self.eye, self.api.settings, self.home / name, name=name, messages=MESSAGES, people=200, rate=RATE
        )

    def serves(self, seconds: float) -> float:
        began = time.monotonic()
        while True:
            try:
                if httpx2.get(f"{self.api.base_url}/readyz", timeout=ANSWERED_IN).status_code == 200:
                    return time.monotonic() - began
            except httpx2.TransportError:
                pass
            assert time.monotonic() - began < seconds
            time.sleep(0.02)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foreign]:
    with foreign_postgres(tmp_path_factory.mktemp("foreign"), max_locks_per_transaction="256") as database:
        yield database


@pytest.fixture(scope="module")
async def distant(database: Foreign, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Distant]:
    home = tmp_path_factory.mktemp("distant")
    direct = Settings(database_url=database.url, data_dir=home / "data", port=free_port())
    async with AsyncExitStack() as ends:
        network = ends.enter_context(proxy(database.port))
        bell = ends.enter_context(Embedded(home / "bell", postgres=False))
        await asyncio.to_thread(migrate, database.url)
        await asyncio.to_thread(prepare, direct)
        far = direct.model_copy(
            update={"database_url": database.url_through(network.port), "redis_url": bell.redis_url}
        )
        eye = await Runtime.open(direct, pool_size=2)
        ends.push_async_callback(eye.close)
        api, worker = Server("api", far), Server("worker-1", far)
        worker.start()
        ends.callback(worker.kill)
        await asyncio.to_thread(api.start)
        ends.callback(api.kill)
        yield Distant(network, api, worker, eye, home)


@pytest.fixture(autouse=True)
def well_again(distant: Distant) -> Iterator[None]:
    yield
    distant.network.latency, distant.network.cut_after = (0.0, 0.0), None


async def is_whole(distant: Distant, place: Tenancy, load: Load) -> None:
    """All is acknowledged, drained and counted."""
    book = await asyncio.to_thread(load.finish, 120)
    await drained(distant.eye, place.workspace, 90)
    verdict = await judge(distant.eye, place, book)
    times = f"slowest answer {book.slowest:.1f} s, silence {book.longest_silence():.1f} s"
    tell(f"{place.order.name}: {dict(book.answers)}, {times}")
    assert not verdict.faults
    assert verdict.fates == {"applied": MESSAGES}


async def test_a_slow_database_is_waited_for(distant: Distant) -> None:
    place = await distant.place("slow")
    distant.network.latency = (0.05, 0.2)
    with sending(place.order) as load:
        await asyncio.sleep(3)
        distant.network.latency = (0.0, 0.0)
        await is_whole(distant, place, load)


async def test_connections_cut_in_the_middle_of_an_answer_lose_nothing(distant: Distant) -> None:
    place = await distant.place("cut")
    rng = random.Random(3)
    with sending(place.order) as load:
        for _ in range(8):
            distant.network.cut_after = rng.randrange(300, 30_000)
            distant.network.reset_all()
            await asyncio.sleep(0.5)
        distant.network.cut_after = None
        distant.network.reset_all()
        assert await asyncio.to_thread(distant.serves, BACK_IN) < BACK_IN
        await is_whole(distant, place, load)


async def test_after_a_black_hole_it_goes_on_by_itself(distant: Distant) -> None:
    place = await distant.place("hole")
    with sending(place.order) as load:
        await asyncio.sleep(1)
        with distant.network.black_hole():
            await asyncio.sleep(5)
        await is_whole(distant, place, load)


async def test_while_the_database_says_nothing_requests_are_told_to_come_again(distant: Distant) -> None:
    place = await distant.place("nothing")
    with distant.network.black_hole():
        async with httpx2.AsyncClient(base_url=place.order.base_url, timeout=4 * ANSWERED_IN) as http:
            answers = await asyncio.gather(*(_ask(http, place.order, number) for number in range(60)))
    tell(f"the slowest of {len(answers)} answers in a black hole took {max(taken for _, taken in answers):.1f} s")
    assert {(answer.status_code, "retry-after" in answer.headers) for answer, _ in answers} == {(503, True)}
    assert max(taken for _, taken in answers) < ANSWERED_IN
    assert await asyncio.to_thread(distant.serves, BACK_IN) < BACK_IN
    with sending(place.order) as load:
        await is_whole(distant, place, load)


async def _ask(http: httpx2.AsyncClient, order: Order, number: int) -> tuple[httpx2.Response, float]:
    """One request of many kinds; its answer and the seconds until then."""
    bearer = {"Authorization": f"Bearer {order.token}"}
    await asyncio.sleep(number * 0.02)
    began = time.monotonic()
    match number % 4:
        case 0:
            answer = await http.post("/v1/batch", json={"batch": [order.message(1)]}, auth=(order.write_key, ""))
        case 1:
            answer = await http.post("/v1/sources/crm/records", json=[order.message(0)], headers=bearer)
        case 2:
            asked = {"lookups": [{"namespace": "user_id", "value": order.user(1)}]}
            answer = await http.post("/v1/profiles/lookup", json=asked, headers=bearer)
        case _:
            answer = await http.get("/readyz")
    return answer, time.monotonic() - began


@pytest.mark.slow
async def test_a_lock_that_somebody_holds_for_long_ends_a_request_in_time(database: Foreign, distant: Distant) -> None:
    place = await distant.place("locked")
    conn = await asyncpg.connect(database.url)
    async with conn.transaction():
        await conn.execute("LOCK TABLE ingest_log IN ACCESS EXCLUSIVE MODE")
        async with httpx2.AsyncClient(base_url=place.order.base_url, timeout=4 * ANSWERED_IN) as http:
            answer, taken = await _ask(http, place.order, 0)
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
        assert taken < ANSWERED_IN
    await conn.close()
    with sending(place.order) as load:
        await is_whole(distant, place, load)
