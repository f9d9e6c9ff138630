"""The story as it is shown on a terminal."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.json import JSON
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from app.demo.chapters import Chapter
from app.demo.reading import Linked, Person
from app.demo.story import Item, Story, WrongMerge, name, summary
from app.domain import because

_UUID = re.compile(r"([0-9a-f]{8})-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
ASKED = ("first_name", "last_name", "birthday", "email", "phone")
"""Traits by which a reviewer tells people apart."""


def show(console: Console, story: Story) -> None:
    """Print the story."""
    console.print(
        Panel("Fell & Fjord, an outdoor shop in Leeds. Four systems, none of which knows the others.", padding=1)
    )
    console.print(_heading("What came in"), _came(story), sep="\n")
    console.print(_heading("Who is one person, and why"))
    for chapter, people in story.together:
        console.print(_chapter(chapter, people))
    console.print(_heading("Who stayed apart, and why"))
    for chapter, people in story.apart:
        console.print(_chapter(chapter, people))
    console.print(_till(story))
    console.print(_heading("What waits for a person"), _queue(story.queue), sep="\n")
    console.print(_chapter(story.wrong.chapter, story.wrong.people))
    if story.wrong.after:
        console.print(_parting(story.wrong))
    console.print(_heading("Ask for Sophie"))
    console.print(Padding(Text(story.query), (0, 0, 1, 2)), Padding(JSON.from_data(story.answer), (0, 0, 1, 2)))


def _heading(text: str) -> Text:
    return Text(f"\n{text}\n", style="bold")


def _came(story: Story) -> RenderableType:
    table = Table(box=None, padding=(0, 2))
    for column, justify in (("source", "left"), ("sent", "right"), ("known already", "right"), ("set aside", "right")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    table.add_column("what it is")
    for came in story.came:
        table.add_row(
            came.source,
            str(came.messages + came.duplicates + came.aside),
            str(came.duplicates),
            str(came.aside),
            came.says,
        )
    notes = [f"Set aside from {a.source}: {a.detail} ({a.code} at {a.pointer})" for a in story.aside]
    told = [Padding(Text(note), (0, 0, 0, 2)) for note in (*notes, f"They are {story.profiles} people.")]
    return Group(table, Text(), *told)


def _chapter(chapter: Chapter, people: Sequence[Person]) -> RenderableType:
    parts: list[RenderableType] = [Text(chapter.title, style="bold cyan"), Padding(Text(chapter.watch), (0, 0, 0, 2))]
    return Padding(Group(*parts, *_people(people)), (0, 0, 1, 2))


def _people(people: Sequence[Person]) -> list[RenderableType]:
    """Each person; a link between two of them is told once."""
    parts: list[RenderableType] = []
    told: set[Linked] = set()
    for person in people:
        fresh = [link for link in person.links if link not in told]
        told |= set(fresh)
        parts.append(Padding(_person(person, fresh), (0, 0, 0, 4)))
    return parts


def _person(person: Person, links: Sequence[Linked]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", min_width=9)
    table.add_column(overflow="fold")
    table.add_row("profile", Text(f"{_facts(person.profile.traits)}  ({person.id})", style="green"))
    table.add_row("records", ", ".join(_abbreviated(name(record)) for record in person.profile.records))
    for link in links:
        sentence = f"{_abbreviated(name(link.a))} and {_abbreviated(name(link.b))} {_by(link)}"
        if link.refused is None:
            table.add_row("linked", sentence)
        else:
            table.add_row("refused", Text(f"{sentence}. {because.refusal(link.refused)}", style="yellow"))
        if link.contributions:
            made = (f"{each.comparison} ({each.level}) {each.bits:+.1f}" for each in link.contributions)
            table.add_row("", Text(", ".join(made), style="dim"))
    for change in person.changes:
        if len(person.changes) > 1 or change.reason != "created":
            table.add_row(f"version {change.version}", Text(_abbreviated(summary(change, person.others)), style="dim"))
    return table


def _by(link: Linked) -> str:
    if link.score is not None:
        return f"by likeness: {link.score:.1f} bits, model {link.model}{'' if link.model else ' (shipped)'}"
    if link.namespace is not None:
        return f"by {link.namespace} {_abbreviated(link.value or '')}"
    return "by a decision"


def _till(story: Story) -> RenderableType:
    till = story.till
    told = [
        f"{till.carriers} cards carry the device id {till.value}; what more than {till.limit} records carry "
        "points at nobody.",
        *(
            f"GET /v1/alerts: {alert['kind']}, a {alert['namespace']} on {alert['size']} records, beginning with "
            f"{alert['record']['source']}/{alert['record']['key']}. {alert['detail']}"
            for alert in story.alerts
            if alert["namespace"] is not None
        ),
    ]
    return Padding(Group(*map(Text, told)), (0, 0, 1, 4))


def _queue(queue: Sequence[Item]) -> RenderableType:
    """The review queue in its own order."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="dim", min_width=6)
    table.add_column(overflow="fold")
    for item in queue:
        sides = " and ".join(f"{item[side]['source']}/{item[side]['key']}" for side in "ab")
        table.add_row(f"{item['worth']:.1f}", Text(_abbreviated(sides), style="green"))
        table.add_row("", f"{item['reason']} {item['detail']}")
    many = f"Pairs that wait: {len(queue)}. GET /v1/reviews lists them, what is most worth a look first."
    return Padding(Group(Text(many), Text(), table), (0, 0, 1, 2))


def _parting(wrong: WrongMerge) -> RenderableType:
    parts: list[RenderableType] = []
    if wrong.review is not None:
        parts.append(Text("What the reviewer sees:"))
        parts += [Padding(_side(wrong.review[side]), (0, 0, 0, 2)) for side in "ab"]
        parts.append(Text())
    parts.append(Text("To part them (nothing is done by this story):"))
    parts += [Text(), *(Text(line) for command in wrong.commands for line in command.splitlines()), Text()]
    parts.append(Text("What would come of it, and stays so whatever arrives:"))
    parts += _people(wrong.after)
    return Padding(Group(*parts), (0, 0, 1, 4))


def _side(side: Item) -> RenderableType:
    said = side["traits"]
    facts = ", ".join(f"{trait} {said[trait]}" for trait in ASKED if trait in said)
    return Text(f"{side['source']}/{side['key']}, in profile {side['profile_id']}: {facts}")


def _facts(traits: Mapping[str, Any]) -> str:
    who = " ".join(str(traits[name]) for name in ("first_name", "last_name") if name in traits)
    said = [str(traits[name]) for name in ("birthday", "email", "phone", "city") if name in traits]
    return ", ".join([who or "somebody without a name", *said])


def _abbreviated(text: str) -> str:
    """The text with its UUIDs cut to their first part, for the eye."""
    return _UUID.sub(r"\1…", text)
