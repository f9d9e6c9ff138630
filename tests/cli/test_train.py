"""`cdp train` as a person types it: what it says, what it keeps, and the switch there and back."""

import json
from typing import Any

import pytest

from app.core.runtime import Runtime
from app.core.settings import Settings
from app.domain import models, policies
from app.identity.policy import Matching
from tests.cli.test_keys import cdp
from tests.domain.town import FAMILY, GIVEN, town
from tests.make import Tenant, record, tenant


@pytest.fixture
async def place(rt: Runtime) -> Tenant:
    made = await tenant(rt)
    await made.take(town(90))
    return made


async def in_force(place: Tenant) -> Matching:
    async with place.rt.begin(place.id) as tx:
        return (await policies.in_force(tx, place.keyring)).matching


def told(settings: Settings, place: Tenant, *argv: str) -> str:
    done = cdp(settings, "train", "--workspace", place.workspace.name, *argv)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(settings: Settings, place: Tenant, *argv: str) -> str:
    done = cdp(settings, "train", "--workspace", place.workspace.name, *argv)
    assert done.returncode == 1, done.stdout
    return done.stderr


async def test_a_training_is_kept_and_used_only_when_it_is_switched_to(settings: Settings, place: Tenant) -> None:
    said = told(settings, place)
    (live,) = await place.rows("SELECT count(*) AS many FROM source_records WHERE workspace_id = :workspace_id")
    assert said.startswith(f"Trained on {live['many']} of {live['many']} records")
    assert "of both could set them" in said, "evidence is thin in so small a town"
    assert said.endswith("Model 1 is kept; nothing uses it yet. Next: `cdp train --use 1`.\n")
    assert not any(name in said for name in GIVEN + FAMILY)
    assert (await in_force(place)).model == 0
    async with place.rt.begin(place.id) as tx:
        kept = await models.get(tx, place.keyring, 1)
    assert (kept.origin, kept.created_at is not None) == ("adapted", True)
    assert "Model 1 is in force with version 2 of the policy" in told(settings, place, "--use", "1")
    assert (await in_force(place)).model == 1
    assert "in force already" in refused(settings, place, "--use", "1")
    assert json.loads(told(settings, place, "--back", "--json")) == {
        "workspace": place.workspace.name,
        "model": 0,
        "policy_version": 3,
        "matching_on": True,
    }
    assert await in_force(place) == Matching()


async def test_programs_are_told_the_same_and_can_switch_at_once(settings: Settings, place: Tenant) -> None:
    said: dict[str, Any] = json.loads(told(settings, place, "--switch", "--sample", "120", "--json"))
    assert (said["version"], said["records"], said["policy_version"]) == (1, 120, 2)
    assert (said["before"]["model"], said["after"]["model"]) == (0, 1)
    assert said["before"]["automatic"] != said["after"]["automatic"]
    assert said["after"]["linked"] > 0
    assert {"comparison", "level", "before", "after"} == set(said["levels"][0])
    assert (await in_force(place)).model == 1
    again = json.loads(told(settings, place, "--sample", "120", "--json"))
    assert (again["before"]["model"], again["version"]) == (1, 2)
    assert again["after"]["automatic"] == said["after"]["automatic"], "the same records, the same model"


async def test_what_cannot_be_done_is_one_sentence(settings: Settings, rt: Runtime) -> None:
    empty = await tenant(rt)
    await empty.take([record("1", {"first_name": "Ada"})])
    assert refused(settings, empty).startswith("There are 1 records; a model is trained on 100 at least.")
    assert refused(settings, empty, "--use", "7").startswith("There is no matching model 7; train one")
    assert refused(settings, empty, "--base", "7").startswith("There is no matching model 7; train one")
    assert "no way back" in refused(settings, empty, "--back")
    assert refused(settings, empty, "--switch", "--back").startswith("Give one of --switch, --use and --back.")
