"""A rotation while the product runs: records arrive, a worker works, and the rotation itself is killed."""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter

from app.cli.supervisor import child_environment
from app.cli.variables import variables
from app.core.crypto.keyring import key_id_of
from app.core.settings import Settings
from app.domain import ingest_log, keys, sources
from app.domain.deliveries import Kind
from app.domain.sealed import TABLES
from tests.live import Client

HELD = 20_000
"""Log entries there before: enough for a rotation to be killed in the middle of them."""

LIMIT = 120.0
LOOKUP = {"lookups": [{"source": "crm", "key": f"k{n}"} for n in range(5)]}


def rotating(settings: Settings, workspace: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "app.cli.main", "keys", "rotate", "--workspace", workspace, "--json"],
        env=child_environment(variables(settings)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def fill(client: Client, many: int) -> None:
    """Settled log entries of long ago; what they say does not matter to a rotation."""
    rt, id = client.live.rt, client.workspace.id
    async with rt.begin(id) as tx:
        source = await sources.ensure(tx, "archive", now=rt.now())
        keyring = await keys.keyring(rt, tx)
        for start in range(0, many, 5000):
            sealed = [
                ingest_log.seal(keyring, f"old-{n}", source.id, Kind.RECORD, b'{"message":{"key":"1"}}', rt.now())
                for n in range(start, start + 5000)
            ]
            await ingest_log.append(tx, sealed)
        await tx.conn.execute("DELETE FROM ingest_queue WHERE workspace_id = $1", id)


async def blobs(client: Client) -> Counter[int]:
    """How many blobs name each key; every one of them is opened in its place."""
    found: Counter[int] = Counter()
    rt, id = client.live.rt, client.workspace.id
    async with rt.begin(id) as tx:
        keyring = await keys.load(rt.key_service, tx)
        for table in TABLES:
            for row in await tx.conn.fetch(f"SELECT * FROM {table.name} WHERE workspace_id = $1", id):
                for column in table.columns:
                    if (blob := row[column]) is not None:
                        keyring.open(blob, table.name, column, table.place(row))
                        found[key_id_of(blob)] += 1
    return found


async def resealed(client: Client) -> int:
    """How many rows of the log a rotation has sealed anew so far."""
    async with client.live.rt.begin(client.workspace.id) as tx:
        return int(
            await tx.conn.fetchval(
                "SELECT coalesce(sum(resealed), 0) FROM key_rotations"
                " WHERE workspace_id = $1 AND table_name = 'ingest_log'",
                client.workspace.id,
            )
        )


class Traffic:
    """Records that keep arriving; every answer and every fate is remembered."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.stopping = False
        self.sent: list[str] = []
        self.statuses: Counter[int] = Counter()

    def _reader(self) -> dict[str, str]:
        token = self.client.live.token("profiles:read", workspace=self.client.workspace.name)
        return {"Authorization": f"Bearer {token}"}

    async def run(self) -> None:
        while not self.stopping:
            n = len(self.sent)
            event = {"messageId": f"e{n}", "userId": f"u{n % 7}", "traits": {"first_name": f"Ann{n}"}}
            record = {"key": f"k{n % 5}", "traits": {"city": f"Ulm{n}"}, "message_id": f"r{n}"}
            answers = await asyncio.gather(
                self.client.send("identify", event),
                self.client.records([record]),
                self.client.http.post("/v1/profiles/lookup", json=LOOKUP, headers=self._reader()),
            )
            self.statuses.update(answer.status_code for answer in answers)
            self.sent += [f"e{n}", f"r{n}"]
            await asyncio.sleep(0.01)


async def test_a_rotation_under_traffic_that_is_killed_goes_on_and_nothing_is_lost(client: Client) -> None:
    await fill(client, HELD)
    traffic = Traffic(client)
    sending = asyncio.create_task(traffic.run())
    first = rotating(client.live.settings, client.workspace.name)
    deadline = time.monotonic() + LIMIT
    while not (many := await resealed(client)):
        assert first.poll() is None
        assert time.monotonic() < deadline
        await asyncio.sleep(0.002)
    first.kill()
    first.communicate()
    assert 0 < many < HELD, "the kill came too late to prove anything"
    assert set(await blobs(client)) == {1, 2}
    second = await asyncio.to_thread(rotating(client.live.settings, client.workspace.name).communicate)
    traffic.stopping = True
    await sending
    (told,) = json.loads(second[0])["items"]
    assert (told["key"], told["resumed"], told["done"], told["damaged"]) == (2, True, True, {})
    assert traffic.statuses.keys() == {200, 202}, "nobody was turned away"
    assert set(await client.fates(traffic.sent)) == {"applied"}
    found = await blobs(client)
    assert set(found) == {2}
    assert found[2] > HELD + len(traffic.sent)
