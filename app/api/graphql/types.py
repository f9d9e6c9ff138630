"""The types of the schema that every workspace shares; the profile itself comes from its catalog (schema.py)."""

from typing import Any

import strawberry
from strawberry.scalars import JSON

from app.api.graphql.values import DateTime

KINDS = ("email", "phone", "user_id", "anonymous_id")
"""Namespaces that have a field of their own in ProfileBy, under their names in camel case."""


@strawberry.type(description="A namespaced value that points at a person, in its canonical form.")
class Identifier:
    namespace: str
    value: str


@strawberry.type(description="A source record: its source's name and its key there.")
class SourceRecord:
    source: str
    key: str


@strawberry.type(description="A golden value with where it came from.")
class Trait:
    name: str = strawberry.field(description="In snake case, as the catalog has it.")
    value: JSON | None
    source: str | None = strawberry.field(description="The source of the record that it came from.")
    key: str | None
    observed_at: DateTime | None = strawberry.field(description="When the source says it was true.")
    rule: str | None = strawberry.field(description="The survivorship rule that chose it.")


@strawberry.type(description="A named set of people that this person is in.")
class Segment:
    name: str


@strawberry.type(description="What the person allowed, for a purpose and a channel.")
class Consent:
    purpose: str
    channel: str | None
    status: str
    observed_at: DateTime | None


@strawberry.type(description="Something that the person did.")
class Event:
    message_id: str | None
    type: str = strawberry.field(description="track, page, screen, identify, group or alias.")
    name: str | None
    occurred_at: DateTime
    received_at: DateTime
    source: str
    properties: JSON


@strawberry.type(description="Events, newest first. Ask for the next page with `after: nextCursor`.")
class EventPage:
    items: list[Event]
    next_cursor: str | None


@strawberry.type(description="What a version changed in one trait.")
class TraitChange:
    name: str
    old: JSON | None
    new: JSON | None


@strawberry.type(description="A message that brought a version about: an event by its messageId, a record by its key.")
class Cause:
    source: str
    message_id: str | None
    key: str | None
    received_at: DateTime


@strawberry.type(description="What one version of a profile changed, and why.")
class Version:
    version: int
    at: DateTime
    reason: str = strawberry.field(
        description="created, updated, merged, split, merged_into, record_removed, rules_changed or removed."
    )
    other_profile: strawberry.ID | None
    causes: list[Cause]
    traits: list[TraitChange]
    records_joined: list[SourceRecord]
    records_parted: list[SourceRecord]
    identifiers_gained: list[Identifier]
    identifiers_lost: list[Identifier]


@strawberry.type(description="Versions, newest first. Ask for the next page with `after: nextCursor`.")
class VersionPage:
    items: list[Version]
    next_cursor: str | None


@strawberry.input(description="An identifier of any namespace.")
class IdentifierBy:
    namespace: str
    value: str


@strawberry.input(description="A source's record.")
class RecordBy:
    source: str
    key: str


@strawberry.input(one_of=True, description="One way to mean a person.")
class ProfileBy:
    id: strawberry.Maybe[strawberry.ID]
    email: strawberry.Maybe[str]
    phone: strawberry.Maybe[str]
    user_id: strawberry.Maybe[str]
    anonymous_id: strawberry.Maybe[str]
    identifier: strawberry.Maybe[IdentifierBy]
    record: strawberry.Maybe[RecordBy]


def records(names: Any) -> list[SourceRecord]:
    return [SourceRecord(source=name.source, key=name.key) for name in names]


def identifiers(held: Any) -> list[Identifier]:
    return [Identifier(namespace=each.namespace, value=each.value) for each in held]
