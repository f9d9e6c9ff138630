"""What the demo promises of January, and of the wrong merge that somebody finds: done by the API, to the last bit."""

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from app.cli.demo import tell
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.demo.loading import Teller
from app.demo.story import story_json
from app.demo.world import Sending, Wave, waves
from app.domain.replay import verify
from app.domain.workspaces import Workspace
from app.workers.process import Processor
from tests.served import access_token, client
from tests.tenancy import new_workspace

Name = tuple[str, str]

HIS, HER_FIRST, HER_SECOND = ("crm", "1042"), ("loyalty", "5500"), ("loyalty", "5513")


@dataclass(frozen=True, slots=True)
class Shop:
    """A workspace that hears of the demo's world, and a reviewer who works in it."""

    rt: Runtime
    workspace: Workspace
    web: httpx2.AsyncClient

    async def hear(self, *told: Wave) -> None:
        for wave in told:
            await Teller(self.rt, self.workspace).tell(wave)
            await Processor(self.rt, 1).drain(self.workspace.id)

    async def who(self, name: Name) -> dict[str, Any]:
        """The profile that holds a record, with where each value comes from."""
        body = {"lookups": [{"source": name[0], "key": name[1]}]}
        (found,) = (await self.web.post("/v1/profiles/lookup", json=body)).json()["profiles"]
        return await self.profile(found["id"])

    async def profile(self, id: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.web.get(f"/v1/profiles/{id}?verbose=true")).json()
        return found

    async def queue(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.web.get("/v1/reviews?limit=100")).json()["items"]
        return found

    async def differences(self) -> dict[str, int]:
        async with self.rt.begin(self.workspace.id) as tx:
            return dict((await verify(self.rt.key_service, tx)).found)


@pytest.fixture
async def shops(api: FastAPI, rt: Runtime) -> AsyncIterator[list[Shop]]:
    """Three empty shops."""
    made = []
    for _ in range(3):
        workspace = await new_workspace(rt)
        made.append(Shop(rt, workspace, client(api, access_token(rt, workspace, "review:write", "profiles:read"))))
    yield made
    for shop in made:
        await shop.web.aclose()


def only(wave: Wave, *sources: str) -> Wave:
    """What some of the systems say of it."""
    return Wave(wave.name, "-".join(sources), [each for each in wave.sendings if each.source in sources])


def without(wave: Wave, *names: Name) -> Wave:
    """The wave, had these records never been."""
    sendings = [
        Sending(each.source, [said for said in each.messages if (each.source, said.get("key")) not in names])
        for each in wave.sendings
    ]
    return replace(wave, sendings=sendings)


def content(profile: dict[str, Any]) -> dict[str, Any]:
    """What a profile says and of what, whenever it was made and by whichever ids."""
    return {name: profile[name] for name in ("traits", "identifiers", "records", "consents", "segments")}


JANUARY, FEBRUARY = waves()


def between(queue: list[dict[str, Any]], ids: Collection[str]) -> list[dict[str, Any]]:
    return [item for item in queue if {item["a"]["profile_id"], item["b"]["profile_id"]} == set(ids)]


def news(key: str, source: str, **traits: Any) -> Wave:
    """One record more than the demo has."""
    said = {"key": key, "observed_at": "2026-03-01T09:00:00Z", "traits": traits}
    return Wave("March", f"march-{key}", [Sending(source, [said])])


async def test_in_january_a_typing_error_waits_for_a_person_and_in_february_nothing_does(shops: list[Shop]) -> None:
    shop = shops[0]
    await shop.hear(JANUARY)
    daniel, priya = await shop.who(("crm", "1010")), await shop.who(("loyalty", "5502"))
    assert daniel["id"] != priya["id"]
    (waiting,) = between(await shop.queue(), (daniel["id"], priya["id"]))
    assert (waiting["namespace"], waiting["because"]) == ("phone", "veto:first_name")
    till = [await shop.who(("loyalty", key)) for key in ("5504", "5505", "5506")]
    assert len({each["id"] for each in till}) == 1
    assert (await shop.web.get("/v1/alerts")).json()["items"] == []
    await shop.hear(FEBRUARY)
    assert between(await shop.queue(), (daniel["id"], priya["id"])) == []
    assert len({(await shop.who(("loyalty", key)))["id"] for key in ("5504", "5505", "5506")}) == 3
    assert len((await shop.web.get("/v1/alerts")).json()["items"]) == 1
    assert await shop.differences() == {}


async def test_a_wrong_merge_is_found_split_and_both_are_what_they_were(shops: list[Shop]) -> None:
    shop, his_alone, hers_alone = shops
    await shop.hear(only(JANUARY, "loyalty"))
    her_before = await shop.who(HER_FIRST)
    await shop.hear(only(JANUARY, "crm", "shop", "web"))
    his_id = (await shop.who(HIS))["id"]
    assert (await shop.profile(her_before["id"]))["id"] == his_id, "they pass for one person"
    await shop.hear(FEBRUARY)
    (review,) = between(await shop.queue(), (his_id, (await shop.who(HER_SECOND))["id"]))
    assert {review[side]["traits"]["last_name"] for side in "ab"} == {"Hall"}

    body = {"records": [{"source": HER_FIRST[0], "key": HER_FIRST[1]}], "reason": "Husband and wife."}
    ruling = (await shop.web.post(f"/v1/profiles/{his_id}/split", json=body)).json()
    assert [span["profile_id"] for span in ruling["exposure"]["spans"]] == [his_id]

    await his_alone.hear(without(JANUARY, HER_FIRST), without(FEBRUARY, HER_FIRST, HER_SECOND))
    await hers_alone.hear(without(JANUARY, HIS), without(FEBRUARY, HIS))
    march = news("1042", "crm", first_name="Chris", last_name="Hall", phone="0113 496 0150", title="Mr")
    april = news("5500", "loyalty", first_name="Chris", last_name="Hall", phone="0113 496 0150", title="Mrs")
    for told_him, told_her in (([], []), ([march], [april])):
        await shop.hear(*told_him, *told_her)
        await his_alone.hear(*told_him)
        await hers_alone.hear(*told_her)
        his, hers = await shop.profile(his_id), await shop.profile(her_before["id"])
        assert (his["id"], hers["id"]) == (his_id, her_before["id"]), "both have their old ids"
        assert content(his) == content(await his_alone.who(HIS))
        assert content(hers) == content(await hers_alone.who(HER_FIRST))
        assert (await shop.who(HER_SECOND))["id"] == hers["id"]
        assert between(await shop.queue(), (his["id"], hers["id"])) == []
        assert [await each.differences() for each in shops] == [{}, {}, {}]


async def test_the_story_splits_nobody_and_tells_when_somebody_has(shops: list[Shop], settings: Settings) -> None:
    shop = shops[0]
    await shop.hear(JANUARY, FEBRUARY)
    before = await shop.who(HIS)
    first = story_json(await asyncio.to_thread(tell, settings, shop.workspace.name))
    assert await shop.who(HIS) == before
    body = {"records": [{"source": HER_FIRST[0], "key": HER_FIRST[1]}], "reason": "Husband and wife."}
    await shop.web.post(f"/v1/profiles/{before['id']}/split", json=body)
    then = story_json(await asyncio.to_thread(tell, settings, shop.workspace.name))["wrong_merge"]
    assert (then["review"], then["commands"], then["after_split"]) == (None, [], [])
    promised = first["wrong_merge"]["after_split"]
    assert [each["id"] for each in then["profiles"]] == [each["id"] for each in promised]
    assert then["profiles"] == promised
