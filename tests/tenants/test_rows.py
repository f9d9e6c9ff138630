"""The database itself: the role that serves sees rows of the workspace that its transaction names, else none."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.core.runtime import Runtime
from app.core.settings import APP_ROLE
from tests.make import Tenant, event, record, tenant

TABLES = (
    "SELECT c.relname, CASE c.relname WHEN 'workspaces' THEN 'id' ELSE 'workspace_id' END AS own FROM pg_class c "
    "WHERE c.relnamespace = CAST('public' AS regnamespace) AND c.relkind = 'r' AND c.relname <> 'alembic_version'"
)


@pytest.fixture(scope="module")
async def two(rt: Runtime) -> tuple[Tenant, Tenant]:
    """Two tenants with the same people in them."""
    one, other = await tenant(rt), await tenant(rt)
    for each in (one, other):
        said = {"email": "ada@mail.example", "never_seen": 1}
        await each.take([record("1", said), record("2", said, at=1), event(userId="7"), event(userId="null")])
    return one, other


@pytest.fixture
async def conn(rt: Runtime) -> AsyncIterator[asyncpg.Connection]:
    """A session as the product has them, in which nobody has named a workspace."""
    conn = await asyncpg.connect(rt.settings.database_url, server_settings={"role": APP_ROLE})
    yield conn
    await conn.close()


async def tables(conn: asyncpg.Connection) -> list[tuple[str, str]]:
    found = [(row["relname"], row["own"]) for row in await conn.fetch(TABLES)]
    assert len(found) >= 20
    return found


async def seen(conn: asyncpg.Connection) -> dict[str, set[int]]:
    """Table to the workspaces of the rows that this session sees."""
    return {
        table: {row[0] for row in await conn.fetch(f"SELECT DISTINCT {own} FROM {table}")}
        for table, own in await tables(conn)
    }


async def test_without_a_workspace_there_is_no_row(two: tuple[Tenant, Tenant], conn: asyncpg.Connection) -> None:
    assert not any((await seen(conn)).values())
    for nothing in ("", "0", "2147483647"):
        async with conn.transaction():
            await conn.execute("SELECT set_config('samewise.workspace', $1, true)", nothing)
            assert not {table for table, whose in (await seen(conn)).items() if whose and table != "workers"}
        async with conn.transaction():
            await conn.execute(f"SET LOCAL samewise.workspace = '{two[0].id}'")
    assert not any((await seen(conn)).values()), "the setting ends with its transaction"


async def test_with_a_workspace_there_are_its_rows_alone(two: tuple[Tenant, Tenant], conn: asyncpg.Connection) -> None:
    for one in two:
        async with conn.transaction():
            await conn.execute(f"SET LOCAL samewise.workspace = '{one.id}'")
            found = await seen(conn)
        assert set().union(*found.values()) == {one.id}
        assert sum(map(bool, found.values())) >= 10


async def test_no_row_is_put_or_moved_into_another_workspace(
    two: tuple[Tenant, Tenant], conn: asyncpg.Connection
) -> None:
    one, other = two
    moved = 0
    for table, own in await tables(conn):
        for asked in (f"INSERT INTO {table} ({own}) VALUES ({other.id})", f"UPDATE {table} SET {own} = {other.id}"):
            try:
                async with conn.transaction():
                    await conn.execute(f"SET LOCAL samewise.workspace = '{one.id}'")
                    assert await conn.execute(asked) == "UPDATE 0", asked
            except asyncpg.InsufficientPrivilegeError:
                moved += asked.startswith("UPDATE")
    assert moved >= 10, "of the tables that one has rows in"


async def test_without_a_workspace_nothing_is_put_anywhere(
    two: tuple[Tenant, Tenant], conn: asyncpg.Connection
) -> None:
    for table, own in await tables(conn):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute(f"INSERT INTO {table} ({own}) VALUES ({two[0].id})")
