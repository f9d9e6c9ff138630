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
from app.demo.story import story_json
from app.demo.telling import show
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


def shown(settings: Settings, story: dict[str, Any], *, columns: int) -> str:
    """The story's text in a terminal of so many columns."""
    text = StringIO()
    show(Console(width=columns, file=text, highlight=False), tell(settings, story["workspace"]))
    return text.getvalue()


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
        {"source": "crm", "messages": 45, "duplicates": 39, "set_aside": 1},
        {"source": "shop", "messages": 29, "duplicates": 0, "set_aside": 0},
        {"source": "web", "messages": 17, "duplicates": 0, "set_aside": 0},
        {"source": "loyalty", "messages": 15, "duplicates": 8, "set_aside": 0},
    ]
    assert [(each["source"], each["code"]) for each in story["set_aside"]] == [("crm", "bad_time")]
    assert story["profiles"] == 52


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


def test_catherine_is_found_by_what_two_records_say_though_they_share_no_identifier(story: dict[str, Any]) -> None:
    (catherine,) = chapter(story, "Catherine")
    assert catherine["records"] == ["crm/1043", "loyalty/5499"]
    (link,) = catherine["links"]
    assert (link["namespace"], link["model"], link["refused"]) == (None, 0, None)
    assert link["score"] == pytest.approx(sum(each["bits"] for each in link["contributions"]))
    told = {each["comparison"] for each in link["contributions"]}
    assert {"given name", "family name", "birthday"} <= told
    assert (catherine["traits"]["first_name"], catherine["traits"]["phone"]) == ("Catherine", "+441134960143")


def test_names_that_are_no_form_of_each_other_keep_daniel_and_priya_two(story: dict[str, Any]) -> None:
    daniel, priya = chapter(story, "Daniel")
    assert (daniel["records"], priya["records"]) == (["crm/1010"], ["loyalty/5502"])
    assert [each["reason"] for each in daniel["history"]] == ["created", "updated"]
    assert [each["reason"] for each in priya["history"]] == ["created"]
    assert not refused([daniel, priya])
    assert priya["traits"]["phone"] == "+441134960161"
    assert daniel["traits"]["phone"] == "+441134960165"


def test_the_till_stops_linking_past_its_limit_and_what_it_linked_comes_apart(story: dict[str, Any]) -> None:
    strangers = chapter(story, "till")
    assert story["till"] == {"device_id": "TILL-03", "carriers": 9, "limit": 8}
    assert records(strangers) == [["loyalty/5504"], ["loyalty/5505"], ["loyalty/5506"]]
    assert all("split" in [each["reason"] for each in stranger["history"]] for stranger in strangers)
    (alert,) = story["alerts"]
    assert (alert["kind"], alert["namespace"], alert["size"]) == ("generic_identifier", "device_id", 9)


def test_a_wrong_merge_is_shown_with_what_a_split_would_give(story: dict[str, Any]) -> None:
    wrong = story["wrong_merge"]
    assert records(wrong["profiles"]) == [["crm/1042", "loyalty/5500"], ["loyalty/5513"]]
    assert refused(wrong["profiles"]) == {("+441134960150", "veto:birthday")}
    his, hers = (profile["id"] for profile in wrong["profiles"])
    assert {wrong["review"][side]["profile_id"] for side in "ab"} == {his, hers}
    assert any(f"/v1/profiles/{his}/split" in command for command in wrong["commands"])
    assert records(wrong["after_split"]) == [["crm/1042"], ["loyalty/5500", "loyalty/5513"]]
    assert [each["traits"]["birthday"] for each in wrong["after_split"]] == ["1970-03-14", "1972-09-02"]


def test_strangers_are_not_alike(story: dict[str, Any]) -> None:
    """Of the customers who only fill the shop none waits for a reviewer."""
    seen = {f"{item[side]['source']}/{item[side]['key']}" for item in story["reviews"] for side in "ab"}
    households = {"crm/1002", "crm/1003", "crm/1004", "crm/1005", "crm/1006"}
    assert {"loyalty/5513", "crm/1036", "shop/email:h.stone@example.org"} <= seen
    assert seen <= households | {
        "crm/1042",
        "loyalty/5500",
        "loyalty/5513",
        "crm/1036",
        "shop/email:h.stone@example.org",
        "shop/user_id:1003",
        "shop/user_id:1005",
    }


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
    text = " ".join(shown(installation, story, columns=110).split())
    for sentence in (
        "Sophie Clarke, 1988-04-03, sophie.clarke@example.com",
        "linked loyalty/5501 and crm/1001 by phone +441134960142",
        "linked loyalty/5499 and crm/1043 by likeness: ",
        " bits, model 0 (shipped) given name (",
        "refused crm/1002 and crm/1003 by email the.bakers@example.net. "
        "One profile would hold more values of user_id than the policy allows.",
        "9 cards carry the device id TILL-03; what more than 8 records carry points at nobody.",
        "GET /v1/alerts: generic_identifier, a device_id on 9 records",
        "somebody without a name, ava.quinn@example.org",
        "loyalty/5513 by phone +441134960150. Their dates of birth differ by more than a typing error.",
        '-d \'{"records": [{"source": "loyalty", "key": "5500"}], "reason": "Husband and wife."}\'',
        "What would come of it, and stays so whatever arrives: profile Chris Hall, 1970-03-14, +441134960150, Otley",
    ):
        assert sentence in text


def test_no_command_of_the_story_is_broken_by_a_narrow_terminal(installation: Settings, story: dict[str, Any]) -> None:
    printed = [line.strip() for line in shown(installation, story, columns=100).splitlines()]
    lines = [line.strip() for command in story["wrong_merge"]["commands"] for line in command.splitlines()]
    assert len(lines) >= 6
    assert set(lines) <= set(printed)
