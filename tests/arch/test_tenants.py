"""No tenant's row is ever seen by another: by the schema's own rules, tried on every table and every statement."""

from importlib import resources
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.core.runtime import Runtime
from app.core.settings import APP_ROLE
from app.core.sql import Queries, Statement, statement
from tests.make import Tenant, event, record, tenant

OF_NOBODY = {"alembic_version", "workers"}
"""Tables that hold no tenant's row: the schema's version, and the roster of worker processes."""
BY_ANOTHER_COLUMN = {"workspaces": "id"}
FILES = sorted(Path(place.name).stem for place in resources.files("app.domain.sql").iterdir() if ".sql" in place.name)


async def asked(rt: Runtime, sql: str) -> list[dict[str, Any]]:
    async with rt.lobby() as tx:
        return [dict(row) for row in await tx.conn.fetch(sql)]


async def tables(rt: Runtime) -> dict[str, dict[str, Any]]:
    rows = await asked(
        rt,
        "SELECT c.relname, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced, r.rolname AS owner, "
        "       array(SELECT polname FROM pg_policy p WHERE p.polrelid = c.oid) AS policies "
        "  FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner "
        " WHERE c.relnamespace = CAST('public' AS regnamespace) AND c.relkind IN ('r', 'p')",
    )
    return {row["relname"]: row for row in rows if row["relname"] not in OF_NOBODY}


async def test_every_tenants_table_is_fenced_also_against_its_owner(rt: Runtime) -> None:
    found = await tables(rt)
    assert len(found) >= 20
    for name, table in found.items():
        assert (table["enabled"], table["forced"]) == (True, True), name
        assert "tenant" in table["policies"], name


async def test_the_role_that_serves_owns_nothing_and_passes_by_no_fence(rt: Runtime) -> None:
    (role,) = await asked(
        rt,
        "SELECT rolname, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication "
        "  FROM pg_roles WHERE rolname = current_user",
    )
    assert role.pop("rolname") == APP_ROLE
    assert not any(role.values())
    owned = await asked(
        rt,
        f"SELECT relname FROM pg_class WHERE relowner = CAST('{APP_ROLE}' AS regrole) "
        f"UNION ALL SELECT proname FROM pg_proc WHERE proowner = CAST('{APP_ROLE}' AS regrole) "
        f"UNION ALL SELECT nspname FROM pg_namespace WHERE nspowner = CAST('{APP_ROLE}' AS regrole)",
    )
    assert owned == []


async def test_the_workspace_comes_first_in_every_key(rt: Runtime) -> None:
    rows = await asked(
        rt,
        "SELECT t.relname AS on_table, i.relname AS name, "
        "       (SELECT attname FROM pg_attribute WHERE attrelid = t.oid AND attnum = x.indkey[0]) AS first "
        "  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid "
        " WHERE t.relnamespace = CAST('public' AS regnamespace) AND x.indisunique",
    )
    found = {row["name"]: row for row in rows if row["on_table"] not in OF_NOBODY}
    assert len(found) >= 20
    assert found.pop("workspaces_name")["first"] == "name", "names of workspaces are unique in an installation"
    for name, index in found.items():
        assert index["first"] == BY_ANOTHER_COLUMN.get(index["on_table"], "workspace_id"), name


async def test_the_workspace_comes_first_in_every_foreign_key(rt: Runtime) -> None:
    rows = await asked(
        rt,
        "SELECT conname, a.attname AS first FROM pg_constraint c "
        "  JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] "
        " WHERE c.contype = 'f' AND c.connamespace = CAST('public' AS regnamespace)",
    )
    assert rows
    assert {row["first"] for row in rows} == {"workspace_id"}


@pytest.fixture(scope="module")
async def two(rt: Runtime) -> tuple[Tenant, Tenant]:
    """One tenant with rows in most tables, and another that wants to see them."""
    one, other = await tenant(rt), await tenant(rt)
    for each in (one, other):
        await each.take(
            [
                record("1", {"email": "ann@mail.example", "never_seen": 1, "country": "DE"}),
                record("2", {"email": "ann@mail.example"}, at=1),
                record("3", {"email": "ann@mail.example"}, [("user_id", "u1"), ("user_id", "u2")], at=2),
                event(userId="u7"),
                event(userId="null"),
            ]
        )
        await each.append([record("4")])
    return one, other


async def rows_of(one: Tenant, table: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await one.rows(f"SELECT * FROM {table}")]


async def test_no_tenant_reads_changes_or_adds_a_row_of_another(two: tuple[Tenant, Tenant], rt: Runtime) -> None:
    one, other = two
    filled = 0
    for table in await tables(rt):
        own = BY_ANOTHER_COLUMN.get(table, "workspace_id")
        held = await rows_of(one, table)
        filled += bool(held)
        assert {row[own] for row in held} <= {one.id}, table
        async with other.rt.begin(other.id) as tx:
            here = f"WHERE {own} = {one.id}"
            assert await tx.conn.fetchval(f"SELECT count(*) FROM {table} {here}") == 0
            assert await tx.conn.execute(f"UPDATE {table} SET {own} = {own} {here}") == "UPDATE 0"
            assert await tx.conn.execute(f"DELETE FROM {table} {here}") == "DELETE 0"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with other.rt.begin(other.id) as tx:
                await tx.conn.execute(
                    f"INSERT INTO {table} OVERRIDING SYSTEM VALUE "
                    f"SELECT * FROM jsonb_populate_record(CAST(NULL AS {table}), $1)",
                    {own: one.id},
                )
    assert filled >= 12


async def test_no_statement_shows_one_tenant_what_another_has(two: tuple[Tenant, Tenant]) -> None:
    """Every statement that only reads is asked, in one tenant, for all keys that the other has."""
    one, other = two
    values = await _all_values(one)
    shown_to_its_own = 0
    for file in FILES:
        for name, held in Queries(file).statements.items():
            if not held.sql.startswith("SELECT") or "workspace_id" not in held.parameters:
                continue
            mine = await _answer(one, one, held, values)
            shown_to_its_own += bool(mine)
            assert not await _answer(other, one, held, values), f"{file}.{name}"
    assert shown_to_its_own >= 10


async def _all_values(one: Tenant) -> dict[str, list[Any]]:
    """Every id, token, name and time that a tenant's rows hold, by the type of its column."""
    found: dict[str, set[Any]] = {"int8": set(), "int4": set(), "bytea": set(), "text": {"applied"}}
    for table in ("ingest_log", "source_records", "record_identifiers", "profiles", "quarantine", "sources", "traits"):
        for row in await rows_of(one, table):
            for value in row.values():
                if isinstance(value, bool):
                    continue
                if isinstance(value, int):
                    found["int8"].add(value)
                    found["int4"].add(value)
                elif isinstance(value, bytes) and len(value) <= 64:
                    found["bytea"].add(value)
                elif isinstance(value, str):
                    found["text"].add(value)
    return {type: sorted(held) for type, held in found.items()}


async def _answer(asking: Tenant, asked_for: Tenant, held: Statement, values: dict[str, list[Any]]) -> list[Any]:
    """What a statement answers to one tenant when asked for another's; nothing where its arguments cannot be made."""
    async with asking.rt.begin(asking.id) as tx:
        prepared = await tx.conn.prepare(held.sql)
        arguments: list[Any] = []
        for parameter, type in zip(held.parameters, prepared.get_parameters(), strict=True):
            if parameter == "workspace_id":
                arguments.append(asked_for.id)
            elif type.kind == "array":
                pool = values.get(type.name.removesuffix("[]").lstrip("_"), [])
                arguments.append(pool if pool else None)
            elif parameter in ("many", "cap", "batch"):
                arguments.append(100)
            elif parameter == "after":
                arguments.append(0)
            else:
                arguments.append((values.get(type.name) or [None])[-1])
        rows = await prepared.fetch(*arguments)
        return [tuple(row) for row in rows if any(value not in (None, 0, False) for value in _told(row, values))]


def _told(row: Any, values: dict[str, list[Any]]) -> list[Any]:
    """What a row says beyond the arguments that it repeats."""
    asked_for = {value for pool in values.values() for value in pool}
    return [value for value in row.values() if isinstance(value, list | dict) or value not in asked_for]


def test_a_statement_cannot_name_a_workspace_of_its_own() -> None:
    held = statement("SELECT :workspace_id, :id")
    assert held.parameters == ("workspace_id", "id")
