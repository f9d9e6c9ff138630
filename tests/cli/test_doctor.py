"""`cdp doctor`: what is in order, and what to do about the rest."""

import json
import shutil
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.cli.checks import Mark, fences, role
from app.core.settings import Settings
from tests.cli.conftest import Shell


async def marks(shell: Shell, code: int, **env: str) -> dict[str, Any]:
    done = await shell.cdp("doctor", "--json", **env)
    assert done.returncode == code, done.stdout
    return {each["check"]: each for each in json.loads(done.stdout)["checks"]}


async def test_a_running_product_is_well(shell: Shell) -> None:
    found = await marks(shell, 0)
    expected = {
        "database", "clock", "schema", "role", "tenants", "workers", "queue", "root keys", "token keys", "queue server",
        "disk",
    }  # fmt: skip
    assert set(found) == expected
    assert {each["mark"] for name, each in found.items() if name != "disk"} == {"ok"}


async def test_a_key_file_that_others_can_read_fails(shell: Shell, tmp_path: Path) -> None:
    shutil.copytree(shell.live.settings.key_path.parent, tmp_path / "keys")
    shutil.copytree(shell.live.settings.token_keys_path, tmp_path / "tokens")
    exposed = tmp_path / "keys" / shell.live.settings.key_path.name
    exposed.chmod(0o644)
    found = await marks(shell, 1, CDP_KEY_FILE=str(exposed), CDP_TOKEN_KEYS=str(tmp_path / "tokens"))
    assert found["root keys"]["mark"] == "failed"
    assert "chmod 600" in found["root keys"]["advice"]
    assert found["token keys"]["mark"] == "ok"


async def test_a_database_that_does_not_answer_fails_and_the_rest_is_looked_at(shell: Shell) -> None:
    found = await marks(shell, 1, CDP_DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert (found["database"]["mark"], found["root keys"]["mark"]) == ("failed", "ok")


async def test_a_queue_server_that_is_away_is_a_warning_only(shell: Shell) -> None:
    found = await marks(shell, 0, CDP_REDIS_URL="redis://127.0.0.1:1")
    assert found["queue server"]["mark"] == "warning"


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("ALTER TABLE profiles NO FORCE ROW LEVEL SECURITY", fences),
        ("ALTER TABLE profiles DISABLE ROW LEVEL SECURITY", fences),
        ("ALTER TABLE profiles OWNER TO samewise_app", role),
        ("ALTER ROLE samewise_app BYPASSRLS", role),
    ],
)
async def test_a_hole_between_tenants_fails(settings: Settings, statement: str, check: Any) -> None:
    conn = await asyncpg.connect(settings.owner_url)
    try:
        assert (await check(conn)).mark is Mark.OK
        change = conn.transaction()
        await change.start()
        await conn.execute(statement)
        assert (await check(conn)).mark is Mark.FAILED
        await change.rollback()
    finally:
        await conn.close()
