"""`cdp demo`: a small shop's world, told to the product and told back as a story."""

import asyncio
import json
import time
from collections.abc import Sequence

from app.cli.address import reachable
from app.cli.answer import DEFAULT_WORKSPACE, AsJson, InWorkspace, answer
from app.cli.connect import connected
from app.cli.token import access_token
from app.core.doorbell import Doorbell
from app.core.errors import Conflict, Unavailable
from app.core.ids import PublicIds
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.core.tokens.scopes import PROFILES_READ, REVIEW_WRITE
from app.demo.asking import asked
from app.demo.chapters import APART, GOES, QUERY, STAYS, TOGETHER, WRONG, Chapter
from app.demo.loading import Teller, working
from app.demo.parting import would_be
from app.demo.reading import Person, Reader
from app.demo.story import Item, Story, WrongMerge, story_json
from app.demo.telling import show
from app.demo.world import waves
from app.domain import keys, workspaces
from app.domain.workspaces import Workspace
from app.workers.process import Processor
from app.workers.roster import CLASS, Roster

__all__ = ["QUERY", "demo", "load", "tell"]

WORKERS_SECONDS = 10.0
"""How long living workers may take for the demo before this process helps."""

SETTLED_SECONDS = 60.0
LOOK_AGAIN = 0.01
NARROWEST, WIDEST = 100, 120
"""Columns of the story, whatever the terminal or the pipe that it goes to."""


def load(settings: Settings, workspace: str = DEFAULT_WORKSPACE) -> bool:
    """Load the world into a workspace that nobody spoke to yet; whether it is there now. Once more does nothing."""

    async def work() -> bool:
        rt = await Runtime.open(settings, pool_size=2)
        try:
            return await _load(rt, await _workspace(rt, workspace))
        finally:
            await rt.close()

    return asyncio.run(work())


def demo(workspace: InWorkspace = DEFAULT_WORKSPACE, as_json: AsJson = False) -> None:
    """Load the small world of the demo, if it is not there yet, and tell its story.

    Example: cdp demo
    """
    with connected() as settings:
        told = tell(settings, workspace)
    if as_json:
        answer(story_json(told), "", as_json=True)
        return
    from rich.console import Console  # only who reads a story waits for it

    console = Console(highlight=False)
    console.width = min(max(console.width, NARROWEST), WIDEST)
    show(console, told)


def tell(settings: Settings, workspace: str) -> Story:
    """The story as a workspace has it, loaded if need be. Raises Conflict where somebody uses the workspace."""
    if not load(settings, workspace):
        raise Conflict(
            f"The workspace {workspace!r} holds data of its own; see the demo in an empty one: "
            "cdp workspace create demo && cdp demo --workspace demo"
        )
    return asyncio.run(_story(settings, workspace))


async def _workspace(rt: Runtime, name: str) -> Workspace:
    async with rt.lobby() as lobby:
        return await workspaces.by_name(lobby, name)


async def _load(rt: Runtime, workspace: Workspace) -> bool:
    teller = Teller(rt, workspace)
    january, february = waves()
    if await teller.knows(february):
        return True
    if not await teller.knows(january) and not await teller.is_empty():
        return False
    for wave in (january, february):
        # One after the other, for the story is about what February changed.
        await _work_off(rt, teller, await teller.tell(wave))
    return True


async def _work_off(rt: Runtime, teller: Teller, newest: int) -> None:
    """Wait until the workers are done; where none lives, be one."""
    bell = Doorbell(rt.settings.redis_url)
    try:
        await bell.ring()
        if await working(rt, CLASS) and await _settled(teller, newest, WORKERS_SECONDS):
            return
    finally:
        await bell.close()
    roster = Roster(rt)
    try:
        await Processor(rt, await roster.enlist()).drain(teller.workspace.id)
    finally:
        await roster.leave()
    if not await _settled(teller, newest, SETTLED_SECONDS):
        raise Unavailable("The demo's messages are not processed; logs/worker.log in the data directory says why.")


async def _settled(teller: Teller, newest: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not await teller.settled(newest):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(LOOK_AGAIN)
    return True


async def _story(settings: Settings, name: str) -> Story:
    rt = await Runtime.open(settings, pool_size=2)
    try:
        workspace = await _workspace(rt, name)
        async with asked(settings, access_token(settings, [REVIEW_WRITE, PROFILES_READ], name)) as api:
            queue = (await api.get("/v1/reviews", "limit=100"))["items"]
            alerts = (await api.get("/v1/alerts"))["items"]
            answer = await api.graphql(QUERY)
        after = await would_be(rt, workspace, STAYS, GOES)
        async with rt.begin(workspace.id) as tx:
            reader = Reader(tx, await keys.keyring(rt, tx), PublicIds(workspace.salt))
            held = await reader.people(*WRONG.records)
            review = _between(queue, held) if after else None
            commands = _commands(settings, name, held[0].id) if after else []
            return Story(
                name,
                await reader.came(),
                await reader.aside(),
                await reader.profiles(),
                await _people(reader, TOGETHER),
                await _people(reader, APART),
                await reader.till(),
                alerts,
                queue,
                WrongMerge(WRONG, held, review, commands, after),
                QUERY,
                answer,
            )
    finally:
        await rt.close()


async def _people(reader: Reader, chapters: Sequence[Chapter]) -> list[tuple[Chapter, Sequence[Person]]]:
    return [(chapter, await reader.people(*chapter.records)) for chapter in chapters]


def _between(queue: Sequence[Item], people: Sequence[Person]) -> Item | None:
    """The first pair that waits between these people."""
    ids = {person.id for person in people}
    return next((item for item in queue if {item["a"]["profile_id"], item["b"]["profile_id"]} <= ids), None)


def _commands(settings: Settings, workspace: str, profile_id: str) -> list[str]:
    """How somebody looks at the queue, sees why a profile is one person, and splits it."""
    bearer = '-H "Authorization: Bearer $TOKEN"'
    where = "" if workspace == DEFAULT_WORKSPACE else f" --workspace {workspace}"
    body = {"records": [{"source": each.source, "key": each.key} for each in GOES], "reason": "Husband and wife."}
    return [
        f"export URL={settings.public_url or reachable(settings.host, settings.port)}",
        f'export TOKEN=$(cdp token --scope "{REVIEW_WRITE} {PROFILES_READ}"{where})',
        f'curl -s "$URL/v1/reviews" {bearer}',
        f'curl -s "$URL/v1/profiles/{profile_id}/explain?format=svg" -o why.svg \\\n  {bearer}',
        f'curl -s -X POST "$URL/v1/profiles/{profile_id}/split" {bearer} \\\n'
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -d '{json.dumps(body)}'",
    ]
