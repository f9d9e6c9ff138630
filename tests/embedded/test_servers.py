import contextlib
import stat
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis.asyncio
from arq import create_pool
from arq.connections import RedisSettings
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app.embedded import Embedded, Servers, running

CANARY = "ada.lovelace@canary.example"


@pytest.fixture
def servers(embedded: Embedded) -> Servers:
    found = running(embedded.data_dir)
    assert found is not None
    return found


async def test_every_client_of_ours_takes_the_addresses(servers: Servers) -> None:
    conn = await asyncpg.connect(servers.database_url)
    assert await conn.fetchval("SELECT current_user || '@' || current_database()") == "samewise@samewise"
    await conn.close()

    engine = create_async_engine(servers.database_url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.connect() as sql:
        assert (await sql.execute(text("SELECT 1"))).scalar() == 1
    await engine.dispose()

    client = redis.asyncio.Redis.from_url(servers.redis_url)
    assert await client.ping()
    await client.aclose()

    pool = await create_pool(RedisSettings.from_dsn(servers.redis_url))
    assert await pool.enqueue_job("ring") is not None
    await pool.aclose()


async def test_a_commit_is_on_disk_and_letters_have_unicode_case(servers: Servers) -> None:
    conn = await asyncpg.connect(servers.database_url)
    for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
        assert await conn.fetchval(f"SHOW {setting}") == "on", setting
    assert await conn.fetchval("SELECT upper('àéîõü')") == "ÀÉÎÕÜ"
    assert await conn.fetchval("SHOW max_locks_per_transaction") == "1024"
    await conn.close()


async def test_valkey_keeps_a_log_and_drops_nothing_in_silence(servers: Servers) -> None:
    client = redis.asyncio.Redis.from_url(servers.redis_url)
    kept = await client.config_get("appendonly", "appendfsync", "maxmemory-policy")
    assert kept == {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}
    await client.aclose()


def test_nothing_listens_on_the_network(embedded: Embedded) -> None:
    assert embedded.postgres_pid is not None
    assert embedded.valkey_pid is not None
    for server in (psutil.Process(embedded.postgres_pid), psutil.Process(embedded.valkey_pid)):
        assert server.net_connections("inet") == []
        for child in server.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # PostgreSQL's own come and go
                assert child.net_connections("inet") == [], child
    assert psutil.Process(embedded.valkey_pid).net_connections("unix"), "the look itself finds sockets"


def test_only_the_owner_gets_in(embedded: Embedded, servers: Servers) -> None:
    sockets = Path(servers.redis_url.removeprefix("unix://")).parent
    for directory in (embedded.data_dir, embedded.data_dir / "postgres", embedded.data_dir / "valkey", sockets):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700, directory


async def test_a_refused_value_is_in_no_log(embedded: Embedded, servers: Servers) -> None:
    conn = await asyncpg.connect(servers.database_url)
    await conn.execute("CREATE TABLE kept (email text PRIMARY KEY CHECK (email <> ''))")
    await conn.execute("INSERT INTO kept VALUES ($1)", CANARY)
    for statement, values in (
        ("INSERT INTO kept VALUES ($1)", [CANARY]),
        (f"SELECT '{CANARY}'::integer", []),
        (f"SELEKT '{CANARY}'", []),
        ("SELECT $1::text::uuid", [CANARY]),
        (f"DO $$ BEGIN RAISE WARNING '{CANARY}'; RAISE EXCEPTION '{CANARY}'; END $$", []),
    ):
        with pytest.raises(asyncpg.PostgresError):
            await conn.execute(statement, *values)
    await conn.close()
    logs = [log.read_bytes() for log in (embedded.data_dir / "logs").iterdir()]
    assert any(b"ready to accept connections" in log for log in logs), "the servers do log"
    assert not any(CANARY.encode() in log for log in logs)


async def test_what_was_written_is_there_at_the_next_start(tmp_path: Path) -> None:
    embedded = Embedded(tmp_path / "data")
    with embedded as servers:
        conn = await asyncpg.connect(servers.database_url)
        await conn.execute("CREATE TABLE kept AS SELECT 7 AS n")
        await conn.close()
        client = redis.asyncio.Redis.from_url(servers.redis_url)
        await client.set("bell", "rung")
        await client.aclose()
    with embedded as servers:
        conn = await asyncpg.connect(servers.database_url)
        assert await conn.fetchval("SELECT n FROM kept") == 7
        await conn.close()
        client = redis.asyncio.Redis.from_url(servers.redis_url)
        assert await client.get("bell") == b"rung"
        await client.aclose()


def test_either_server_can_be_embedded_alone(tmp_path: Path) -> None:
    with Embedded(tmp_path / "one", valkey=False) as servers:
        assert servers.database_url
        assert not servers.redis_url
    with Embedded(tmp_path / "two", postgres=False) as servers:
        assert servers.redis_url
        assert not servers.database_url


def test_another_command_finds_the_servers_while_they_run_and_none_later(tmp_path: Path) -> None:
    with Embedded(tmp_path / "data") as servers:
        assert running(tmp_path / "data") == servers
        told = (tmp_path / "data" / "servers.json").read_text()
    assert running(tmp_path / "data") is None
    (tmp_path / "data" / "servers.json").write_text(told)  # as a killed process leaves it
    assert running(tmp_path / "data") is None


def test_two_run_side_by_side(embedded: Embedded, tmp_path: Path) -> None:
    with Embedded(tmp_path / "second") as second:
        first = running(embedded.data_dir)
        assert first is not None
        assert first.database_url != second.database_url
        assert first.redis_url != second.redis_url
