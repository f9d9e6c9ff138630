"""The database's disk is full: senders are told to come again, nobody's message is blamed, and space heals all."""

import asyncio
import contextlib
import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest

from app.cli.prepare import prepare
from app.cli.schema import migrate
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.embedded import Embedded
from tests.faults.figures import tell
from tests.faults.foreign import Foreign
from tests.faults.installation import Tenancy, tenancy
from tests.faults.ledger import Book, Load, sending
from tests.faults.verdict import drained, judge
from tests.live import Server, free_port

SIZE = "220m"
PIECE = 65_536
MESSAGES = 3000
HEALED_IN = 10.0
DRAINED_IN = 20.0
"""Seconds; a lease is 30 s long, so nothing may have to wait for the end of one."""

SMALL = {
    "max_wal_size": "64MB",
    "min_wal_size": "32MB",
    "wal_recycle": "off",
    "checkpoint_timeout": "30s",
    "max_locks_per_transaction": "256",
}


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small disk of one's own."""
    place = tmp_path_factory.mktemp("disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0755", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("no small disk can be mounted here; run as root on Linux")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


class Product:
    """An API and a worker whose database lies on the small disk."""

    def __init__(self, disk: Path, database: Foreign, settings: Settings, eye: Runtime) -> None:
        self.disk = disk
        self.database = database
        self.settings = settings
        self.eye = eye
        self.api, self.worker = Server("api", settings), Server("worker-1", settings)

    @property
    def ballast(self) -> Path:
        return self.disk / "ballast"

    def fill(self) -> None:
        """Use up what the disk has."""
        with contextlib.suppress(OSError), self.ballast.open("ab", buffering=0) as ballast:
            while ballast.write(bytes(PIECE)):
                pass

    def free(self) -> None:
        self.ballast.unlink()

    async def serves(self) -> float:
        began = time.monotonic()
        async with httpx2.AsyncClient(base_url=self.settings.base_url, timeout=30) as http:
            while (await http.get("/readyz")).status_code != 200:
                assert time.monotonic() - began < 2 * HEALED_IN
                await asyncio.sleep(0.05)
        return time.monotonic() - began


@pytest.fixture(scope="module")
async def product(disk: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    home = tmp_path_factory.mktemp("product")
    database = Foreign(disk, free_port(), SMALL)
    with Embedded(home / "bell", postgres=False) as bell:
        try:
            database.make()
            database.start()
            settings = Settings(
                database_url=database.url, redis_url=bell.redis_url, data_dir=home / "data", port=free_port()
            )
            await asyncio.to_thread(migrate, database.url)
            await asyncio.to_thread(prepare, settings)
            eye = await Runtime.open(settings, pool_size=2)
            product = Product(disk, database, settings, eye)
            product.worker.start()
            await asyncio.to_thread(product.api.start)
            yield product
            await eye.close()
            product.api.kill()
            product.worker.kill()
        finally:
            database.stop()


async def refusals(load: Load, book: int) -> Book:
    """Wait until the client was told so many times to come again."""
    for _ in range(400):
        if load.read().answers["503"] >= book:
            break
        await asyncio.sleep(0.1)
    return load.read()


async def is_whole(product: Product, place: Tenancy, load: Load) -> Book:
    book = await asyncio.to_thread(load.finish, 120)
    await drained(product.eye, place.workspace, DRAINED_IN)
    verdict = await judge(product.eye, place, book)
    tell(f"{place.order.name}: {dict(book.answers)}, longest silence {book.longest_silence():.1f} s")
    assert not verdict.faults
    assert verdict.fates == {"applied": MESSAGES}
    async with product.eye.begin(place.workspace.id) as tx:
        assert await tx.conn.fetchval("SELECT count(*) FROM quarantine") == 0
    return book


async def test_a_full_disk_is_told_and_blamed_on_nobody(product: Product) -> None:
    place = await tenancy(
        product.eye,
        product.settings,
        product.settings.data_dir / "full",
        name="full",
        messages=MESSAGES,
        people=100,
        rate=400.0,
    )
    with sending(place.order) as load:
        with product.worker.paused():
            await asyncio.sleep(1.5)
            product.fill()
        full = await refusals(load, 30)
        await asyncio.sleep(5)
        had = len(load.read().acknowledged)
        await asyncio.sleep(3)
        assert len(load.read().acknowledged) - had < 400, "next to nothing is taken while there is no room"
        assert full.answers.keys() <= {"200", "202", "503"}
        product.free()
        if not product.database.runs:
            product.database.start()
        tell(f"serving {await product.serves():.1f} s after there was room again")
        await is_whole(product, place, load)
