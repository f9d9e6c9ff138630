"""`cdp keys` as a person types it."""

import json
import subprocess
import sys

import pytest

from app.cli.supervisor import child_environment
from app.cli.variables import variables
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.domain import rotation
from tests.make import Tenant, record, tenant


@pytest.fixture
async def one(rt: Runtime) -> Tenant:
    made = await tenant(rt)
    await made.take([record(str(n), {"email": f"p{n}@mail.example"}) for n in range(3)])
    return made


def cdp(settings: Settings, *argv: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-P", "-m", "app.cli.main", *argv],
        env=child_environment(variables(settings)),
        capture_output=True,
        text=True,
        check=False,
    )


def test_list_says_how_many_values_name_each_key(settings: Settings, one: Tenant) -> None:
    done = cdp(settings, "keys", "list", "--workspace", one.workspace.name, "--json")
    items = json.loads(done.stdout)["items"]
    # Three records: their words, states, profiles (two columns) and first versions.
    assert [(item["id"], item["purpose"], item["active"], item["blobs"]) for item in items] == [
        (0, "hash", True, None),
        (1, "seal", True, 18),
    ]
    for_people = cdp(settings, "keys", "list", "--workspace", one.workspace.name)
    assert "active" in for_people.stdout
    assert "18" in for_people.stdout


def test_rotate_says_what_it_did_and_what_comes_next(settings: Settings, one: Tenant) -> None:
    done = cdp(settings, "keys", "rotate", "--workspace", one.workspace.name)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Sealed 15 rows of {one.workspace.name} under a fresh key.\n")
    assert "Next: see `cdp keys list`" in done.stdout
    listed = cdp(settings, "keys", "list", "--workspace", one.workspace.name, "--json")
    assert [item["id"] for item in json.loads(listed.stdout)["items"]] == [0, 2]


async def test_rotate_fails_with_one_sentence_when_values_do_not_open(settings: Settings, one: Tenant) -> None:
    await one.rows("UPDATE profiles SET sealed = sealed || '\\x00' WHERE workspace_id = :workspace_id")
    going = await rotation.announce(one.rt, one.id)
    await rotation.activate(one.rt, going)
    done = cdp(settings, "keys", "rotate", "--workspace", one.workspace.name, "--json")
    assert done.returncode == 1
    assert len(json.loads(done.stdout)["items"][0]["damaged"]["profiles"]) == 3
    (sentence,) = done.stderr.strip().splitlines()
    assert sentence.startswith("3 rows do not open, so the old key was kept; restore them from a backup")


def test_a_root_rotation_says_which_root_is_left(settings: Settings, one: Tenant) -> None:
    done = cdp(settings, "keys", "rotate", "--root", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert list(json.loads(settings.key_path.read_text())["roots"]) == [told["root"]]
    assert told["keys"] >= 2
    assert cdp(settings, "keys", "list", "--workspace", one.workspace.name).returncode == 0


def test_an_unknown_workspace_is_one_sentence(settings: Settings) -> None:
    done = cdp(settings, "keys", "rotate", "--workspace", "nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("There is no workspace 'nowhere'")
