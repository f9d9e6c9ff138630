"""What a transaction makes of an error: the database's own say that it is away, anybody else's pass through."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from app.core.errors import Unavailable
from app.core.runtime import Runtime


async def test_a_file_that_is_missing_is_not_the_databases_fault(rt: Runtime, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        async with rt.lobby():
            (tmp_path / "absent").read_bytes()


async def test_a_host_that_refuses_us_is_not_the_database(rt: Runtime, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        async with rt.lobby():
            await asyncio.open_unix_connection(tmp_path / "nobody-listens")


async def test_a_time_limit_of_the_caller_is_the_callers(rt: Runtime) -> None:
    with pytest.raises(TimeoutError):
        async with rt.lobby() as tx, asyncio.timeout(0.05):
            await tx.conn.execute("SELECT pg_sleep(5)")


async def test_a_statement_past_its_time_says_that_the_database_does_not_answer(rt: Runtime) -> None:
    with pytest.raises(Unavailable):
        async with rt.lobby() as tx:
            await tx.conn.execute("SELECT pg_sleep(5)", timeout=0.05)


async def test_a_server_that_ends_the_session_says_that_the_database_does_not_answer(rt: Runtime) -> None:
    async def outlive_it() -> None:
        async with rt.lobby() as tx:
            await end_session(rt, await tx.conn.fetchval("SELECT pg_backend_pid()"))
            await tx.conn.fetchval("SELECT 1")

    with pytest.raises(Unavailable):
        await outlive_it()


async def end_session(rt: Runtime, pid: int) -> None:
    owner = await asyncpg.connect(rt.settings.owner_url)
    try:
        await owner.execute("SELECT pg_terminate_backend($1)", pid)
    finally:
        await owner.close()


async def test_a_cursor_past_its_time_says_that_the_database_does_not_answer(rt: Runtime) -> None:
    with pytest.raises(Unavailable):
        async with rt.lobby() as tx:
            await anext(aiter(tx.conn.cursor("SELECT pg_sleep(5)", timeout=0.05)))


async def test_after_any_of_it_the_connection_serves_on(rt: Runtime) -> None:
    for _ in range(2 * rt.settings.pool_size):
        with pytest.raises(ValueError, match="mine"):
            async with rt.lobby():
                raise ValueError("mine")
    async with rt.lobby() as tx:
        assert await tx.conn.fetchval("SELECT 1") == 1
