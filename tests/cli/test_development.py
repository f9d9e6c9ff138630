"""`cdp token`, `key`, `workspace` and `source`: what a developer needs on the machine that holds the data."""

import json
import subprocess
import sys
from datetime import timedelta

import pytest

from app.cli.supervisor import child_environment
from app.core.runtime import token_gate
from app.domain.workspaces import Workspace
from tests.cli.conftest import Shell
from tests.live import Client, Live

HEAVY = ("alembic", "asyncpg", "sqlalchemy", "fastapi", "pyarrow", "strawberry")


async def test_a_token_opens_what_it_was_asked_for(shell: Shell, live: Live) -> None:
    printed = await shell.said(
        "token", "--scope", "profiles:read ingest:write", "--scope", "review:write", "--ttl", "60"
    )
    claims = token_gate(live.settings).verify(printed, now=live.rt.now())
    assert claims.scopes == {"profiles:read", "ingest:write", "review:write"}
    assert claims.workspace == "default"
    assert claims.expires_at - claims.issued_at == timedelta(seconds=60)


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["--scope", "everything"], "Ask for scopes among:"),
        (["--scope", "admin", "--ttl", "90000"], "A token lives from 1 to 86400 seconds."),
        (["--scope", "admin", "--workspace", "nobody"], "There is no workspace 'nobody'; create it with"),
    ],
)
async def test_a_token_that_cannot_be_is_one_sentence(shell: Shell, argv: list[str], sentence: str) -> None:
    assert (await shell.refused("token", *argv)).startswith(sentence)


async def test_a_token_needs_no_database(shell: Shell) -> None:
    away = {"CDP_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}
    assert await shell.said("token", "--scope", "admin", "--workspace", "unseen", **away)


def test_a_token_does_not_wait_for_heavy_libraries() -> None:
    code = (
        f"import sys; from app.cli.main import build; build(['token']); print([m for m in {HEAVY} if m in sys.modules])"
    )
    env = child_environment({})
    done = subprocess.run([sys.executable, "-P", "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_a_key_is_made_once_and_is_taken_by_the_api(shell: Shell, client: Client) -> None:
    there = ("--workspace", client.workspace.name)
    assert (await shell.refused("key", "--source", "till", *there)).startswith("There is no source 'till'")
    key = await shell.said("key", "--source", "till", "--create", *there)
    assert await shell.said("key", "--source", "till", *there) == key
    answer = await client.http.post("/v1/track", json={"userId": "7", "event": "Sold"}, auth=(key, ""))
    assert answer.json() == {"success": True}


async def test_a_workspace_is_created_once(shell: Shell, workspace: Workspace) -> None:
    name = f"new-{workspace.id}"
    assert json.loads(await shell.said("workspace", "create", name, "--json"))["name"] == name
    assert await shell.refused("workspace", "create", name) == f"There is a workspace {name!r} already."
    assert name in (await shell.said("workspace", "list")).splitlines()
    assert (await shell.refused("workspace", "create", "Not A Name")).startswith("A workspace name is")


async def test_a_source_declares_how_its_values_are_read(shell: Shell, client: Client) -> None:
    there = ("--workspace", client.workspace.name)
    french = ("--region", "FR", "--zone", "Europe/Paris", "--day-first", "--currency", "EUR", "--locale", "fr")
    await shell.said("source", "create", "boutique", "--priority", "10", *french, *there)
    assert await shell.said("source", "list", *there) == (
        "boutique: priority 10, region FR, zone Europe/Paris, day_first True, currency EUR, locale fr"
    )
    held = json.loads(await shell.said("source", "set", "boutique", "--month-first", "--json", *there))
    assert (held["priority"], held["declared"]["zone"], held["declared"]["day_first"]) == (10, "Europe/Paris", False)
    assert json.loads(await shell.said("source", "show", "boutique", "--json", *there)) == held
    assert (await shell.refused("source", "set", "boutique", "--zone", "Nowhere", *there)).startswith("--zone is")
    assert (await shell.refused("source", "set", "boutique", "--region", "fr", *there)).startswith("--region is")
