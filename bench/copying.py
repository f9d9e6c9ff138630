"""The floor of every write: COPY of rows that are sealed already, 1000 a transaction, into a table with a primary key.

`python -m bench.copying SECONDS ROW_BYTES` prints {"rows", "seconds", "cpu"} as JSON; the
database's URL is in BENCH_DATABASE_URL.
"""

import asyncio
import json
import os
import sys
import time
from datetime import UTC, datetime
from itertools import count
from typing import Any

import asyncpg

A_TRANSACTION = 1000
TABLE = "copied_log"
COLUMNS = ("workspace_id", "id", "message_token", "source_id", "kind", "received_at", "body")
MAKE = f"CREATE TABLE IF NOT EXISTS {TABLE} (LIKE ingest_log, PRIMARY KEY (workspace_id, id))"

_numbers = count(1)


def rows(bodies: list[bytes]) -> list[tuple[Any, ...]]:
    """Log rows as the API writes them, with fresh ids and tokens."""
    now = datetime.now(UTC)
    return [(1, number, number.to_bytes(16, "big"), 1, 0, now, body) for body in bodies for number in (next(_numbers),)]


async def copy(conn: asyncpg.Connection, made: list[tuple[Any, ...]]) -> None:
    """One transaction."""
    await conn.copy_records_to_table(TABLE, records=made, columns=COLUMNS)


async def copy_for(url: str, seconds: float, row_bytes: int) -> tuple[int, float]:
    """COPY over one connection, as one API process has one transaction at a time; return rows and seconds."""
    bodies = [os.urandom(row_bytes) for _ in range(A_TRANSACTION)]
    conn = await asyncpg.connect(url)
    try:
        await conn.execute(MAKE)
        started = time.perf_counter()
        done = 0
        while time.perf_counter() - started < seconds:
            await copy(conn, rows(bodies))
            done += A_TRANSACTION
        return done, time.perf_counter() - started
    finally:
        await conn.close()


def main() -> None:
    before = time.process_time()
    done, took = asyncio.run(copy_for(os.environ["BENCH_DATABASE_URL"], float(sys.argv[1]), int(sys.argv[2])))
    print(json.dumps({"rows": done, "seconds": took, "cpu": time.process_time() - before}))


if __name__ == "__main__":
    main()
