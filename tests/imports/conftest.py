"""An import as its sender sees it: a file sent, its progress asked for, its rejected rows downloaded."""

import asyncio
import csv
import io
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from app.domain import keys
from tests.live import Client

DONE_SECONDS = 60.0


@dataclass
class Sender:
    """The programs of one workspace that send files."""

    client: Client

    async def send(
        self, body: "bytes | AsyncIterator[bytes]", query: str = "", *, format: str | None = "csv", **headers: str
    ) -> Any:
        """The answer to one upload."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        kind = f"&format={format}" if format else ""
        return await self.client.http.post(
            f"/v1/imports?source=crm{kind}{query}", content=body, headers=self.client.bearer | named
        )

    async def take(self, body: "bytes | AsyncIterator[bytes]", query: str = "", *, format: str = "csv") -> Any:
        """The import of a file that is worked off to its end."""
        answer = await self.send(body, query, format=format)
        assert answer.status_code == 202, answer.text
        return await self.ended(answer.json()["id"])

    async def ended(self, id: str) -> Any:
        deadline = time.monotonic() + DONE_SECONDS
        while (found := (await self.client.ask("GET", f"/v1/imports/{id}")).json())["state"] not in ("done", "failed"):
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.02)
        return found

    async def rejected(self, id: str, *, raw: bool = False) -> list[dict[str, str]]:
        """The rows of the rejected rows' CSV file."""
        answer = await self.client.ask("GET", f"/v1/imports/{id}/rejected?raw={str(raw).lower()}")
        assert answer.status_code == 200, answer.text
        return list(csv.DictReader(io.StringIO(answer.text, newline="")))

    async def records(self) -> list[dict[str, Any]]:
        """What the log of the workspace holds, in the order of its keys."""
        rt = self.client.live.rt
        async with rt.begin(self.client.workspace.id) as tx:
            keyring = await keys.load(rt.key_service, tx)
            rows = await tx.conn.fetch("SELECT message_token, body FROM ingest_log ORDER BY id")
        said = [orjson.loads(keyring.open(row["body"], "ingest_log", "body", row["message_token"])) for row in rows]
        return sorted(
            (each["message"] for each in said), key=lambda record: (len(str(record["key"])), str(record["key"]))
        )

    async def pieces(self) -> int:
        """How many pieces of files are kept."""
        async with self.client.live.rt.begin(self.client.workspace.id) as tx:
            return int(await tx.conn.fetchval("SELECT count(*) FROM import_chunks WHERE number >= 0"))


@pytest.fixture
def sender(client: Client) -> Sender:
    return Sender(client)


def csv_file(names: Iterable[str], rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([list(names), *(list(row) for row in rows)])
    return text.getvalue().encode()
