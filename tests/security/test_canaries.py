"""What people say of themselves is in no file: not in tables, WAL, dumps, queues, logs or what a crash leaves.

The whole product runs as a user starts it. Unique words go through every mouth, things break meanwhile, and then
every byte below the data directory is searched, with a dump and what the WAL holds compressed.
"""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import httpx2
import psutil
import pytest

from app.cli.token import access_token
from app.core.settings import Settings
from app.core.tokens.scopes import ALL
from app.embedded import running
from app.embedded.programs import find_programs
from tests.security.mouths import Canaries, Mouths
from tests.security.searching import hits
from tests.starting.conftest import ROOT, free_port

SETTLED = 60.0
OPEN = {
    **dict.fromkeys(("identify", "track", "page", "screen", "group", "alias", "batch", "no user", "reused id"), 200),
    **dict.fromkeys(("records", "repeated", "lines", "rejected records", "csv", "form", "ndjson", "poison"), 202),
    "strict": 400,
    "lookup": 200,
    "patch": 200,
    "stale": 412,
    "graphql": 200,
    "graphql get": 200,
    "decision": 201,
    **dict.fromkeys(("split", "revoked", "merge", "explain svg", "reviews", "words"), 200),
    "fix": 204,
    "replay": 202,
    "discard": 204,
    "record nested": 202,
    "wrong jwt": 401,
}
"""What some of the requests must have been answered for the search to mean something."""


class Product:
    """`cdp up` in a directory of its own: servers, API and worker, and all that they write."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data_dir = home / "data"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        (home / "tmp").mkdir()
        with (home / "output").open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "app.cli.main", *self._up()],
                env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "HOME": str(home), "CDP_LOG_LEVEL": "DEBUG"},
                cwd=home,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + SETTLED
        while "Ctrl-C stops everything" not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)

    def _up(self) -> list[str]:
        return ["up", "--no-demo", "--port", str(self.port), "--data-dir", str(self.data_dir)]

    @property
    def output(self) -> str:
        return (self.home / "output").read_text()

    @property
    def settings(self) -> Settings:
        return Settings(data_dir=self.data_dir, port=self.port)

    @property
    def database_url(self) -> str:
        servers = running(self.data_dir)
        assert servers is not None
        return servers.database_url

    def cdp(self, *argv: str) -> str:
        return subprocess.run(
            [sys.executable, "-P", "-m", "app.cli.main", *argv],
            env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "CDP_DATA_DIR": str(self.data_dir)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    def postmaster(self) -> psutil.Process:
        return psutil.Process(int((self.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0]))

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    started = Product(tmp_path)
    yield started
    started.stop()


async def rows(product: Product, sql: str) -> list[asyncpg.Record]:
    conn = await asyncpg.connect(product.database_url)
    try:
        return await conn.fetch(sql)
    finally:
        await conn.close()


async def settled(product: Product) -> None:
    """Until nothing waits any more."""
    waiting = (
        "SELECT (SELECT count(*) FROM ingest_queue)"
        " + (SELECT count(*) FROM imports WHERE state IN ('waiting', 'running')) AS n"
    )
    deadline = time.monotonic() + SETTLED
    while (await rows(product, waiting))[0]["n"]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


@contextmanager
def sending(mouths: Mouths) -> Iterator[None]:
    """Requests one after the other in four threads while the block lasts, whatever becomes of them."""
    stopping = threading.Event()

    def send() -> None:
        with httpx2.Client(base_url=mouths.http.base_url, timeout=10) as http:
            while not stopping.is_set():
                body = {"batch": [mouths.event("identify") for _ in range(20)]}
                try:
                    http.post("/v1/batch", json=body, auth=(mouths.write_key, ""))
                    http.post(
                        "/v1/sources/crm/records",
                        json=[mouths.record()],
                        headers={"Authorization": f"Bearer {mouths.token}"},
                    )
                except httpx2.TransportError:
                    continue

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def break_things(product: Product, mouths: Mouths) -> None:
    """Backends and then the whole server are killed with requests under way; each time everything comes back."""
    with sending(mouths):
        time.sleep(1)
        for victim in (product.postmaster().children()[-1], product.postmaster()):
            victim.kill()
            time.sleep(1)
            deadline = time.monotonic() + SETTLED
            while httpx2.get(f"{product.url}/readyz").status_code != 200:
                assert time.monotonic() < deadline
                time.sleep(0.2)


async def poison(product: Product, mouths: Mouths) -> None:
    """A trait under a rule that nobody knows: two records of one person that both claim it cannot be merged."""
    await rows(
        product,
        "INSERT INTO traits (workspace_id, name, type, class, rule, origin, description, created_at)"
        " SELECT id, 'poison', 'string', 'personal', 'no such rule', 'defined', '', now() FROM workspaces",
    )
    email = mouths.canaries.email("poisoned")
    for source in ("crm", "shop"):
        traits = {"email": email, "poison": mouths.canaries.word("poison")}
        said = [{"key": mouths.canaries.word("poisonkey"), "traits": traits}]
        mouths.ask("poison", "POST", f"/v1/sources/{source}/records", json=said)
        await settled(product)
    (found,) = await rows(product, "SELECT count(*) AS n FROM quarantine WHERE code = 'failed'")
    assert found["n"] == 1, "this test needs a message that fails in the pipeline"


async def dump(product: Product, place: Path) -> None:
    """Everything that a backup would hold, and what of the WAL is compressed, as files that can be searched."""
    programs = find_programs().postgres.parent
    await rows(product, "CHECKPOINT")
    subprocess.run([programs / "pg_dump", "--file", place / "dump.sql", product.database_url], check=True)
    wal = product.data_dir / "postgres" / "pg_wal"
    (place / "pages").mkdir()
    for segment in sorted(wal.glob("0*")):
        # It ends with an error where the segment does: what stands before it has been written.
        subprocess.run(
            [programs / "pg_waldump", "--quiet", f"--save-fullpage={place / 'pages' / segment.name}", segment],
            check=False,
            capture_output=True,
        )
    assert any((place / "pages").rglob("*")), "no page of the WAL was unpacked"


@pytest.mark.timeout(600)
async def test_what_people_say_is_in_no_file(product: Product, tmp_path: Path) -> None:
    canaries = Canaries(f"qz{secrets.token_hex(6)}")
    phone = f"+4930{secrets.randbelow(10**7):07d}9"
    address = ":".join(["2001", "db8", *(f"{secrets.randbelow(60000) + 4096:x}" for _ in range(6))])
    token = access_token(product.settings, sorted(ALL))
    write_key = product.cdp("key", "--source", "web", "--create")
    with httpx2.Client(base_url=product.url, timeout=30) as http:
        mouths = Mouths(http, write_key, token, canaries, phone, address)
        mouths.events()
        mouths.refused_events()
        mouths.records()
        mouths.imports()
        known = mouths.record()
        mouths.ask("known", "POST", "/v1/sources/crm/records?wait=resolved", json=[known])
        await settled(product)
        mouths.reading(known["traits"]["email"], known["key"])
        mouths.deciding(known["key"])
        mouths.quarantine()
        mouths.broken()
        await poison(product, mouths)
        break_things(product, mouths)
        await settled(product)
    assert OPEN.items() <= mouths.statuses.items(), "a mouth that refuses everything proves nothing"
    assert {name: status for name, status in mouths.statuses.items() if status >= 500} == {}
    control = f"control{secrets.token_hex(6)}"
    await rows(product, f"CREATE TABLE control AS SELECT '{control}' || n AS word FROM generate_series(1, 100) AS n")
    place = tmp_path / "backup"
    place.mkdir()
    await dump(product, place)
    product.stop()
    found = hits({"control": control}, tmp_path)
    for part in ("postgres/base", "pg_wal", "dump.sql"):
        assert any(part in hit for hit in found), f"the search does not see what lies in {part}"
    words = {"canary": canaries.marker, "phone": phone[1:], "address": address, "write key": write_key, "token": token}
    assert hits(words, tmp_path) == []
