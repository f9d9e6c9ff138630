"""The story as it is shown: on a terminal, or as JSON for programs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.json import JSON
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from app.demo.chapters import Chapter
from app.demo.reading import Aside, Came, Linked, Person, Till
from app.domain.history import Change
from app.domain.profiles import RecordName

_UUID = re.compile(r"([0-9a-f]{8})-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")

REASONS: Mapping[str, str] = {
    "created": "a new person",
    "updated": "a newer word",
    "merged": "took in another profile",
    "split": "parted from another profile",
    "record_removed": "lost a record",
    "merged_into": "went into another profile",
    "removed": "has no record left",
}


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that is told, as it was read."""

    workspace: str
    came: Sequence[Came]
    aside: Sequence[Aside]
    profiles: int
    together: Sequence[tuple[Chapter, Sequence[Person]]]
    apart: Sequence[tuple[Chapter, Sequence[Person]]]
    till: Till
    query: str
    answer: Mapping[str, Any]


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
    till = story.till
    console.print(
        Padding(
            f"{till.carriers} cards carry the device id {till.value}; what more than {till.limit} records carry "
            "points at nobody.",
            (0, 0, 1, 4),
        )
    )
    console.print(_heading("Ask for Sophie"))
    console.print(Padding(Text(story.query), (0, 0, 1, 2)), Padding(JSON.from_data(story.answer), (0, 0, 1, 2)))


def story_json(story: Story) -> dict[str, Any]:
    """The story for programs."""
    return {
        "workspace": story.workspace,
        "profiles": story.profiles,
        "came": [
            {"source": c.source, "messages": c.messages, "duplicates": c.duplicates, "set_aside": c.aside}
            for c in story.came
        ],
        "set_aside": [
            {"source": a.source, "code": a.code, "pointer": a.pointer, "detail": a.detail} for a in story.aside
        ],
        "together": [_chapter_json(chapter, people) for chapter, people in story.together],
        "apart": [_chapter_json(chapter, people) for chapter, people in story.apart],
        "till": {"device_id": story.till.value, "carriers": story.till.carriers, "limit": story.till.limit},
        "query": story.query,
        "answer": story.answer,
    }


def because(refused: str) -> str:
    """Why a link was refused, for a reader."""
    limit, _, namespace = refused.partition(":")
    if limit == "max_values":
        return f"together they would hold more {namespace}s than one person may"
    return refused


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
    return Group(table, Text(), *(Text(f"  {note}") for note in (*notes, f"They are {story.profiles} people.")))


def _chapter(chapter: Chapter, people: Sequence[Person]) -> RenderableType:
    parts: list[RenderableType] = [Text(chapter.title, style="bold cyan"), Padding(Text(chapter.watch), (0, 0, 0, 2))]
    told: set[Linked] = set()
    for person in people:
        fresh = [link for link in person.links if link not in told]
        told |= set(fresh)
        parts.append(Padding(_person(person, fresh), (0, 0, 0, 4)))
    return Padding(Group(*parts), (0, 0, 1, 2))


def _person(person: Person, links: Sequence[Linked]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", min_width=9)
    table.add_column(overflow="fold")
    table.add_row("profile", Text(f"{_facts(person.profile.traits)}  ({person.id})", style="green"))
    table.add_row("records", ", ".join(map(_short, person.profile.records)))
    for link in links:
        sentence = f"{_short(link.a)} and {_short(link.b)} by {link.namespace} {_abbreviated(link.value)}"
        if link.refused is None:
            table.add_row("linked", sentence)
        else:
            table.add_row("refused", Text(f"{sentence}: {because(link.refused)}", style="yellow"))
    for change in person.changes:
        if len(person.changes) > 1 or change.reason != "created":
            table.add_row(f"version {change.version}", Text(_change(change, person.others), style="dim"))
    return table


def _change(change: Change, others: Mapping[int, str]) -> str:
    parts = [REASONS[change.reason]]
    if change.other_id is not None:
        parts[0] += f" ({others[change.other_id]})"
    if change.joined:
        parts.append("with " + ", ".join(map(_short, change.joined)))
    if change.parted:
        parts.append("without " + ", ".join(map(_short, change.parted)))
    if change.reason == "updated":
        parts += [f"{name} {old} → {new}" for name, (old, new) in change.traits.items()]
    return "; ".join(parts)


def _facts(traits: Mapping[str, Any]) -> str:
    who = " ".join(str(traits[name]) for name in ("first_name", "last_name") if name in traits)
    return ", ".join([who, *(str(traits[name]) for name in ("birthday", "email", "phone", "city") if name in traits)])


def _name(record: RecordName) -> str:
    return f"{record.source}/{record.key}"


def _short(record: RecordName) -> str:
    return _abbreviated(_name(record))


def _abbreviated(text: str) -> str:
    """The text with its UUIDs cut to their first part, for the eye."""
    return _UUID.sub(r"\1…", text)


def _chapter_json(chapter: Chapter, people: Sequence[Person]) -> dict[str, Any]:
    return {
        "title": chapter.title,
        "profiles": [
            {
                "id": person.id,
                "version": person.profile.version,
                "traits": dict(person.profile.traits),
                "records": [_name(record) for record in person.profile.records],
                "links": [
                    {
                        "a": _name(link.a),
                        "b": _name(link.b),
                        "namespace": link.namespace,
                        "value": link.value,
                        "refused": link.refused,
                    }
                    for link in person.links
                ],
                "history": [
                    {"version": change.version, "reason": change.reason, "summary": _change(change, person.others)}
                    for change in person.changes
                ],
            }
            for person in people
        ],
    }
