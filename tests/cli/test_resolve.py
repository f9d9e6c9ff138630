"""`cdp resolve` as a person types it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.core.runtime import Runtime
from app.core.settings import Settings
from app.domain import policies
from app.identity.policy import Matching, Policy
from tests.cli.test_keys import cdp
from tests.make import Tenant, record, tenant
from tests.properties.held import snapshot

pytest.importorskip("duckdb")

SAME = {"first_name": "Katharina", "last_name": "Oberhuber", "birthday": "1981-03-04", "city": "Graz"}


@pytest.fixture
async def one(rt: Runtime) -> Tenant:
    """Two records that are alike, with matching off."""
    made = await tenant(rt, policy=Policy(2, matching=Matching(on=False)))
    await made.take([record("1", SAME), record("2", {**SAME, "first_name": "Katarina"}, source="shop")])
    return made


async def test_a_dry_run_says_what_would_merge_and_changes_nothing(settings: Settings, one: Tenant) -> None:
    before = await snapshot(one)
    done = cdp(settings, "resolve", "--dry-run", "--model", "0", "--workspace", one.workspace.name)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0] == f"{one.workspace.name}: 2 records; 2 profiles now, 1 then."
    assert said[1] == "Merges: 2 profiles would become 1."
    assert "crm/1 and shop/2: score " in said[3] or "shop/2 and crm/1: score " in said[3]
    assert said[-1] == "Records in another profile: 1."
    assert await snapshot(one) == before
    assert not (settings.data_dir / "bulk" / str(one.id)).exists()


async def test_a_policy_from_a_file_is_put_in_force_and_everybody_is_resolved_by_it(
    settings: Settings, one: Tenant, tmp_path: Path
) -> None:
    held = {"version": 2, "refreshing": False, **policies.to_body(replace(one.policy, matching=Matching()))}
    place = tmp_path / "policy.json"
    place.write_text(json.dumps(held))
    done = cdp(settings, "resolve", "--policy", str(place), "--workspace", one.workspace.name, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["dry_run"], said["merges"]["profiles"], said["derived"], said["pairs"]) == (False, 2, 2, 1)
    assert len((await snapshot(one)).live) == 1
    again = cdp(settings, "resolve", "--policy", str(place), "--workspace", one.workspace.name)
    assert again.returncode == 1
    assert "version 3" in again.stderr


@pytest.mark.parametrize("said", ["{", "[]", '{"version": 2}', '{"version": 2, "max_cluster": "SECRET"}'])
def test_a_file_that_is_no_policy_is_refused_without_its_values(settings: Settings, tmp_path: Path, said: str) -> None:
    place = tmp_path / "policy.json"
    place.write_text(said)
    done = cdp(settings, "resolve", "--dry-run", "--policy", str(place))
    assert done.returncode == 1
    assert "is no policy" in done.stderr
    assert "SECRET" not in done.stderr
    assert "Traceback" not in done.stderr
