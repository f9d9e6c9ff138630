"""No sealed column is forgotten: the code that seals, the registry and the schema agree."""

import ast
from pathlib import Path

from app.core.runtime import Runtime
from app.domain.sealed import TABLES

APP = Path(__file__).parents[2] / "app"

HASHES = ("token", "wrapped")
"""Columns of bytes that hold keyed hashes, by the end of their names, and keys under the root key."""


def sealing_calls() -> list[tuple[str, ast.Call]]:
    """Every call `x.seal(plain, table, column, row)`, with the file and line where it stands."""
    return [
        (f"{path.relative_to(APP)}:{node.lineno}", node)
        for path in sorted(APP.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "seal"
        and len(node.args) + len(node.keywords) == 4
    ]


def test_every_call_that_seals_names_a_registered_column() -> None:
    registered = {(table.name, column) for table in TABLES for column in table.columns}
    found = set()
    for place, call in sealing_calls():
        if place.startswith("domain/reseal.py"):
            continue
        table, column = call.args[1:3]
        assert isinstance(table, ast.Constant), f"{place} seals for a table that cannot be read from the code"
        assert isinstance(column, ast.Constant), f"{place} seals for a column that cannot be read from the code"
        found.add((table.value, column.value))
    assert found == registered


async def test_every_column_of_bytes_is_registered_or_a_keyed_hash(rt: Runtime) -> None:
    registered = {(table.name, column) for table in TABLES for column in table.columns}
    async with rt.lobby() as tx:
        rows = await tx.conn.fetch(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND data_type = 'bytea'"
        )
    of_bytes = {(row["table_name"], row["column_name"]) for row in rows}
    assert registered <= of_bytes
    assert {(t, c) for t, c in of_bytes - registered if not c.endswith(HASHES)} == set()


async def test_the_registry_knows_each_tables_primary_key(rt: Runtime) -> None:
    async with rt.lobby() as tx:
        for table in TABLES:
            rows = await tx.conn.fetch(
                "SELECT a.attname FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k(number, place)"
                "  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number"
                " WHERE i.indisprimary AND i.indrelid = to_regclass($1) ORDER BY k.place",
                table.name,
            )
            assert tuple(row["attname"] for row in rows) == ("workspace_id", *table.key)
