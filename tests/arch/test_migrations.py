"""The migrations make exactly the schema of the tables, and can be undone."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from alembic.config import Config

from app.cli.schema import SCRIPTS, migrate
from app.core.settings import Settings


def config(url: str) -> Config:
    held = Config()
    held.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    held.attributes["database_url"] = url
    return held


def run(url: str, *statements: str) -> list[str]:
    """Run statements as the owner; return the names that the last one answers."""

    async def asked() -> list[str]:
        conn = await asyncpg.connect(url)
        rows: list[asyncpg.Record] = []
        for each in statements:
            rows = await conn.fetch(each)
        await conn.close()
        return [row[0] for row in rows]

    return asyncio.run(asked())


@pytest.fixture
def scratch(settings: Settings) -> Iterator[str]:
    """The owner's URL of an empty database."""
    owner = settings.owner_url
    assert owner is not None
    name = "scratch_for_migrations"
    run(owner, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    yield _named(owner, name)
    run(owner, f"DROP DATABASE {name} WITH (FORCE)")


def _named(url: str, name: str) -> str:
    head, mark, query = url.partition("?")
    return head.rpartition("/")[0] + "/" + name + mark + query


NAMES = """
SELECT CAST(relkind AS text) || CAST(relname AS text) AS name
  FROM pg_class WHERE relnamespace = CAST('public' AS regnamespace)
 UNION ALL
SELECT 'f' || CAST(proname AS text) FROM pg_proc WHERE pronamespace = CAST('public' AS regnamespace)
 ORDER BY 1
"""


def test_the_tables_and_the_migrations_say_the_same(scratch: str) -> None:
    migrate(scratch)
    command.check(config(scratch))


def test_a_schema_goes_up_down_and_up_again(scratch: str) -> None:
    migrate(scratch)
    there = run(scratch, NAMES)
    assert "rprofiles" in there
    command.downgrade(config(scratch), "base")
    assert run(scratch, NAMES) == ["ialembic_version_pkc", "ralembic_version"]
    migrate(scratch)
    assert run(scratch, NAMES) == there


def test_to_migrate_again_changes_nothing(scratch: str) -> None:
    migrate(scratch)
    there = run(scratch, NAMES)
    migrate(scratch)
    assert run(scratch, NAMES) == there


def test_a_migration_is_named_after_its_day_and_what_it_does() -> None:
    for place in Path(SCRIPTS / "versions").glob("*.py"):
        day, _, what = place.stem.partition("_")
        assert len(day) == len("2026-11-23-2132"), place.name
        assert what, place.name


def test_records_from_before_matching_are_derived_again_once(scratch: str) -> None:
    command.upgrade(config(scratch), "0003_import_rows")
    run(
        scratch,
        "SET samewise.workspace = '1'",
        "INSERT INTO workspaces (id, name, salt, created_at) VALUES (1, 'shop', 's', now())",
        "INSERT INTO source_records (workspace_id, id, source_id, key_token, born_at, removed, state) "
        "VALUES (1, 1, 1, 'k', now(), false, 's')",
        "SET samewise.workspace = '2'",
        "INSERT INTO workspaces (id, name, salt, created_at) VALUES (2, 'empty', 's', now())",
    )
    migrate(scratch)
    asked = "SELECT CAST(workspace_id AS text) FROM refreshes WHERE reason = 'matching'"
    assert run(scratch, asked) == ["1"]
