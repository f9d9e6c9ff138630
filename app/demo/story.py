"""The story: everything that is told, as it was read, and the same as JSON for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from app.demo.chapters import Chapter
from app.demo.reading import Aside, Came, Linked, Person, Till
from app.domain.history import Change
from app.domain.profiles import RecordName

Item: TypeAlias = Mapping[str, Any]
"""An item of a list, as the API answers it."""

REASONS: Mapping[str, str] = {
    "created": "a new person",
    "updated": "a newer word",
    "merged": "took in another profile",
    "split": "parted from another profile",
    "record_removed": "lost a record",
    "merged_into": "went into another profile",
    "removed": "has no record left",
    "rules_changed": "other rules",
}


@dataclass(frozen=True, slots=True)
class WrongMerge:
    """A wrong merge to find: `review` is what of the queue shows it, `commands` split it, and `after` are the people
    who would come of that. Where they are apart already there is none of it."""

    chapter: Chapter
    people: Sequence[Person]
    review: Item | None
    commands: Sequence[str]
    after: Sequence[Person]


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that is told."""

    workspace: str
    came: Sequence[Came]
    aside: Sequence[Aside]
    profiles: int
    together: Sequence[tuple[Chapter, Sequence[Person]]]
    apart: Sequence[tuple[Chapter, Sequence[Person]]]
    till: Till
    alerts: Sequence[Item]
    queue: Sequence[Item]
    wrong: WrongMerge
    query: str
    answer: Mapping[str, Any]


def story_json(story: Story) -> dict[str, Any]:
    """The story for programs."""
    wrong = story.wrong
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
        "alerts": list(story.alerts),
        "reviews": list(story.queue),
        "wrong_merge": {
            **_chapter_json(wrong.chapter, wrong.people),
            "review": wrong.review,
            "commands": list(wrong.commands),
            "after_split": [_person_json(person) for person in wrong.after],
        },
        "query": story.query,
        "answer": story.answer,
    }


def name(record: RecordName) -> str:
    return f"{record.source}/{record.key}"


def summary(change: Change, others: Mapping[int, str]) -> str:
    """What one version changed, in a line."""
    parts = [REASONS[change.reason]]
    if change.other_id is not None:
        parts[0] += f" ({others[change.other_id]})"
    if change.joined:
        parts.append("with " + ", ".join(map(name, change.joined)))
    if change.parted:
        parts.append("without " + ", ".join(map(name, change.parted)))
    if change.reason == "updated":
        parts += [f"{trait} {old} → {new}" for trait, (old, new) in change.traits.items()]
    return "; ".join(parts)


def _chapter_json(chapter: Chapter, people: Sequence[Person]) -> dict[str, Any]:
    return {"title": chapter.title, "profiles": [_person_json(person) for person in people]}


def _person_json(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "version": person.profile.version,
        "traits": dict(person.profile.traits),
        "records": [name(record) for record in person.profile.records],
        "links": [_link_json(link) for link in person.links],
        "history": [
            {"version": change.version, "reason": change.reason, "summary": summary(change, person.others)}
            for change in person.changes
        ],
    }


def _link_json(link: Linked) -> dict[str, Any]:
    return {
        "a": name(link.a),
        "b": name(link.b),
        "namespace": link.namespace,
        "value": link.value,
        "score": link.score,
        "model": link.model,
        "contributions": [{"comparison": c.comparison, "level": c.level, "bits": c.bits} for c in link.contributions],
        "refused": link.refused,
    }
