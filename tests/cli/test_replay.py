"""`cdp replay` as a person types it."""

import json

from app.core.runtime import Runtime
from app.core.settings import Settings
from tests.cli.test_keys import cdp
from tests.make import record, tenant


async def test_verify_says_what_it_counted_and_that_all_is_well(settings: Settings, rt: Runtime) -> None:
    one = await tenant(rt)
    await one.take([record("1", {"email": "ann@mail.example"}), record("2", {"email": "ann@mail.example"})])
    done = cdp(settings, "replay", "--verify", "--workspace", one.workspace.name)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "2 messages: 2 applied.",
        "2 records, 1 profiles, 1 versions read again.",
        f"{one.workspace.name} is what its log says.",
    ]


async def test_verify_names_what_differs_by_its_id_and_never_by_its_value(settings: Settings, rt: Runtime) -> None:
    one = await tenant(rt)
    appended = await one.take([record("1", {"email": "ann@mail.example"}, id="first")])
    await one.rows("DELETE FROM fates WHERE workspace_id = :workspace_id")
    for_programs = cdp(settings, "replay", "--verify", "--workspace", one.workspace.name, "--json")
    assert for_programs.returncode == 1
    told = json.loads(for_programs.stdout)
    assert (told["same"], told["found"]) == (False, {"no_fate": 1, "state": 1})
    assert told["first"][0] == {"kind": "no_fate", "place": f"message {appended['first']}"}
    for_people = cdp(settings, "replay", "--verify", "--workspace", one.workspace.name)
    assert f"1 x a message that neither waits nor has a fate: message {appended['first']}" in for_people.stdout
    assert for_people.stderr.startswith(f"2 differences in {one.workspace.name}; restore")
    assert "ann" not in for_people.stdout + for_people.stderr


def test_without_a_word_of_what_to_do_it_does_nothing(settings: Settings) -> None:
    done = cdp(settings, "replay")
    assert done.returncode == 1
    assert done.stderr.startswith("Say what to do")
