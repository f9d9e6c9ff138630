"""The demo tells of what really became of its world: these are the merges and the refusals that it promises."""

import asyncio
from io import StringIO
from itertools import count
from typing import Any

import pytest
from rich.console import Console

from app.cli.demo import QUERY, load, tell
from app.cli.prepare import ensure_workspace, prepare
from app.core.errors import Conflict, NotFound
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.demo.telling import show, story_json
from app.domain import sources, workspaces

_names = count(1)


@pytest.fixture(scope="module")
def installation(settings: Settings) -> Settings:
    """Servers with keys and a default workspace, as `cdp up` leaves them before the demo comes."""
    prepare(settings)
    return settings


@pytest.fixture(scope="module")
def story(installation: Settings) -> dict[str, Any]:
    return story_json(tell(installation, fresh(installation)))


def fresh(settings: Settings) -> str:
    name = f"demo-{next(_names)}"
    asyncio.run(ensure_workspace(settings, name))
    return name


def chapter(story: dict[str, Any], title: str) -> list[dict[str, Any]]:
    chapters = [*story["together"], *story["apart"]]
    (found,) = [each["profiles"] for each in chapters if title in each["title"]]
    profiles: list[dict[str, Any]] = found
    return profiles


def records(profiles: list[dict[str, Any]]) -> list[list[str]]:
    return [profile["records"] for profile in profiles]


def refused(profiles: list[dict[str, Any]]) -> set[tuple[str, str]]:
    links = [link for profile in profiles for link in profile["links"]]
    return {(link["value"], link["refused"]) for link in links if link["refused"]}


def test_what_came_in_is_counted_by_source(story: dict[str, Any]) -> None:
    assert story["came"] == [
        {"source": "crm", "messages": 43, "duplicates": 37, "set_aside": 1},
        {"source": "shop", "messages": 28, "duplicates": 0, "set_aside": 0},
        {"source": "web", "messages": 17, "duplicates": 0, "set_aside": 0},
        {"source": "loyalty", "messages": 12, "duplicates": 6, "set_aside": 0},
    ]
    assert [(each["source"], each["code"]) for each in story["set_aside"]] == [("crm", "bad_time")]
    assert story["profiles"] == 48


def test_sophie_is_one_person_through_a_phone_in_three_spellings_and_her_log_in(story: dict[str, Any]) -> None:
    (sophie,) = chapter(story, "Sophie")
    assert [record.split(":")[0] for record in sophie["records"]] == [
        "crm/1001", "loyalty/5501", "shop/email", "shop/user_id", "web/anonymous_id", "web/user_id",
    ]  # fmt: skip
    assert {link["namespace"] for link in sophie["links"]} == {"phone", "user_id", "anonymous_id"}
    assert sophie["traits"]["birthday"] == "1988-04-03"
    assert sophie["traits"]["email"] == "sophie.clarke@example.com"
    assert not refused([sophie])


def test_amelia_keeps_her_orders_and_has_her_new_address(story: dict[str, Any]) -> None:
    (amelia,) = chapter(story, "Amelia")
    assert amelia["records"] == ["crm/1009", "shop/user_id:1009", "web/user_id:1009"]
    assert (amelia["traits"]["email"], amelia["traits"]["last_name"]) == ("amelia.novak@example.org", "Novak")
    assert any("amelia.hughes@example.com → amelia.novak@example.org" in each["summary"] for each in amelia["history"])


def test_olivers_deleted_record_leaves_his_card_and_a_redirect(story: dict[str, Any]) -> None:
    (oliver,) = chapter(story, "Oliver")
    assert oliver["records"] == ["loyalty/5503"]
    assert [each["reason"] for each in oliver["history"]] == ["merged"]


def test_a_shared_mailbox_makes_nobody_one_person(story: dict[str, Any]) -> None:
    bakers, tools = chapter(story, "Bakers"), chapter(story, "harbour-tools")
    assert records(bakers) == [["crm/1002"], ["crm/1003", "shop/user_id:1003"]]
    assert records(tools) == [["crm/1004"], ["crm/1005", "shop/user_id:1005"], ["crm/1006"]]
    assert refused(bakers) == {("the.bakers@example.net", "max_values:user_id")}
    assert refused(tools) == {("info@harbour-tools.example", "max_values:user_id")}


def test_two_people_with_one_name_are_not_linked_at_all(story: dict[str, Any]) -> None:
    wilsons = chapter(story, "James Wilson")
    assert records(wilsons) == [["crm/1007", "shop/user_id:1007"], ["crm/1008", "shop/user_id:1008"]]
    assert not refused(wilsons)


def test_a_corrected_number_splits_daniel_and_priya(story: dict[str, Any]) -> None:
    daniel, priya = chapter(story, "Daniel")
    assert (daniel["records"], priya["records"]) == (["crm/1010"], ["loyalty/5502"])
    assert "split" in [each["reason"] for each in daniel["history"]]
    assert priya["traits"]["phone"] == "+441134960161"
    assert daniel["traits"]["phone"] == "+441134960165"


def test_the_till_stops_linking_past_its_limit_and_what_it_linked_comes_apart(story: dict[str, Any]) -> None:
    strangers = chapter(story, "till")
    assert story["till"] == {"device_id": "TILL-03", "carriers": 9, "limit": 8}
    assert records(strangers) == [["loyalty/5504"], ["loyalty/5505"], ["loyalty/5506"]]
    assert all("split" in [each["reason"] for each in stranger["history"]] for stranger in strangers)


def test_the_answer_at_the_end_is_the_apis_own(story: dict[str, Any]) -> None:
    assert story["query"] == QUERY
    profile = story["answer"]["data"]["profile"]
    (sophie,) = chapter(story, "Sophie")
    assert (profile["id"], profile["version"], profile["birthday"]) == (sophie["id"], sophie["version"], "1988-04-03")
    assert [f"{each['source']}/{each['key']}" for each in profile["records"]] == sophie["records"]


def test_telling_it_twice_changes_nothing(installation: Settings, story: dict[str, Any]) -> None:
    assert story_json(tell(installation, story["workspace"])) == story


def test_two_at_once_tell_it_once(installation: Settings, story: dict[str, Any]) -> None:
    name = fresh(installation)

    async def both() -> list[bool]:
        return list(await asyncio.gather(*(asyncio.to_thread(load, installation, name) for _ in range(2))))

    assert asyncio.run(both()) == [True, True]
    again = story_json(tell(installation, name))
    assert (again["came"], again["profiles"]) == (story["came"], story["profiles"])


def test_a_workspace_that_somebody_uses_gets_no_demo_people(installation: Settings) -> None:
    name = fresh(installation)

    async def speak() -> None:
        rt = await Runtime.open(installation, pool_size=2)
        try:
            async with rt.lobby() as lobby:
                workspace = await workspaces.by_name(lobby, name)
            async with rt.begin(workspace.id) as tx:
                await sources.create(tx, "helpdesk", now=rt.now())
        finally:
            await rt.close()

    asyncio.run(speak())
    assert load(installation, name) is False
    with pytest.raises(Conflict, match="cdp workspace create demo"):
        tell(installation, name)


def test_a_workspace_that_is_not_there_is_named(installation: Settings) -> None:
    with pytest.raises(NotFound, match="cdp workspace create nowhere"):
        load(installation, "nowhere")


def test_the_story_reads_well_on_a_terminal(installation: Settings, story: dict[str, Any]) -> None:
    console = Console(width=110, file=StringIO(), highlight=False)
    show(console, tell(installation, story["workspace"]))
    text = " ".join(console.file.getvalue().split())
    for sentence in (
        "Sophie Clarke, 1988-04-03, sophie.clarke@example.com",
        "linked crm/1001 and loyalty/5501 by phone +441134960142",
        "refused crm/1002 and crm/1003 by email the.bakers@example.net: "
        "together they would hold more user_ids than one person may",
        "9 cards carry the device id TILL-03; what more than 8 records carry points at nobody.",
    ):
        assert sentence in text
