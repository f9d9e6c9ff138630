"""The types of the schema that every workspace shares; the profile itself comes from its catalog (schema.py)."""

from typing import Any

import strawberry
from strawberry.scalars import JSON

from app.api.graphql.values import DateTime
from app.core.ids import PublicIds
from app.domain import because, explain, source_records

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


@strawberry.type(description="A record at one end of a link, and the profile that it is in now.")
class Side:
    source: str
    key: str
    profile_id: strawberry.ID | None


@strawberry.type(description="What one comparison says: above 0 for one person, below 0 against.")
class Contribution:
    comparison: str
    level: str = strawberry.field(description="How the two agree. No value is in it.")
    bits: float = strawberry.field(description="In log2 Bayes factors.")


@strawberry.type(description="A reason to hold two records together, the older record first.")
class Link:
    a: Side
    b: Side
    kind: str = strawberry.field(description="identifier, match or decision.")
    namespace: str | None = strawberry.field(description="Of the identifier that both carry.")
    score: float | None = strawberry.field(description="How alike they are, in log2 Bayes factors.")
    model: int | None = strawberry.field(description="The model that scored them.")
    contributions: list[Contribution] = strawberry.field(description="What the score is made of; they add up to it.")
    reason: str = strawberry.field(description="The same as a sentence.")
    decision_id: strawberry.ID | None


@strawberry.type(description="A link that holds nothing together, and why not.")
class RefusedLink(Link):
    because: str = strawberry.field(description="different, max_cluster, max_values:<namespace> or veto:<which>.")
    detail: str = strawberry.field(description="The same as a sentence.")


@strawberry.type(description="Why a profile is one person: what holds its records together, and what was refused.")
class Explanation:
    records: list[SourceRecord] = strawberry.field(description="The oldest first.")
    links: list[Link]
    refused: list[RefusedLink]
    all_refused: bool = strawberry.field(description="false: there are more refused links than the 1,000 named here.")


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


def explanation(ids: PublicIds, found: explain.Explanation) -> Explanation:
    return Explanation(
        records=[SourceRecord(source=each.source.name, key=each.state.key) for each in found.records],
        links=[Link(**_link(ids, each)) for each in found.links],
        refused=[
            RefusedLink(**_link(ids, each), because=each.because or "", detail=because.refusal(each.because or ""))
            for each in found.refused
        ],
        all_refused=found.all_refused,
    )


def _link(ids: PublicIds, link: explain.Link) -> dict[str, Any]:
    return {
        "a": _side(ids, link.a),
        "b": _side(ids, link.b),
        "kind": link.kind,
        "namespace": link.namespace,
        "score": link.score,
        "model": link.model,
        "contributions": [
            Contribution(comparison=c.comparison, level=c.level, bits=c.bits) for c in link.contributions
        ],
        "reason": link.reason,
        "decision_id": None if link.decision_id is None else strawberry.ID(ids.encode(link.decision_id)),
    }


def _side(ids: PublicIds, record: source_records.SourceRecord) -> Side:
    profile_id = None if record.profile_id is None else strawberry.ID(ids.encode(record.profile_id))
    return Side(source=record.source.name, key=record.state.key, profile_id=profile_id)
