"""Profiles, versions and events as JSON: what goes over the wire, with examples."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, model_validator

from app.core.ids import PublicIds
from app.domain.events import Event
from app.domain.history import Change
from app.domain.lookup import MAX_LOOKUPS, By, ById, ByIdentifier, ByRecord
from app.domain.profiles import Profile

MAX_VALUE = 4096
_WAYS = (frozenset(("namespace", "value")), frozenset(("source", "key")), frozenset(("id",)))


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [value]})


def _three_ways(schema: dict[str, Any]) -> None:
    """The three ways as alternatives, in the place of one object with five optional members."""
    text, long = {"type": "string", "maxLength": 512}, {"type": "string", "maxLength": MAX_VALUE}
    number = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
    ways: tuple[dict[str, Any], ...] = (
        {"namespace": text, "value": {"anyOf": [long, number]}},
        {"source": text, "key": long},
        {"id": text},
    )
    schema.pop("additionalProperties", None)
    schema.pop("properties", None)
    schema["oneOf"] = [
        {"type": "object", "properties": way, "required": list(way), "additionalProperties": False} for way in ways
    ]
    schema["examples"] = [{"namespace": "email", "value": "ada@example.com"}]


class IdentifierShape(BaseModel):
    """A namespaced value that points at a person, in its canonical form."""

    model_config = _example({"namespace": "email", "value": "ada@example.com"})

    namespace: str
    value: str


class RecordShape(BaseModel):
    """A source record, by its source's name and its key there."""

    model_config = _example({"source": "crm", "key": "42"})

    source: str
    key: str


class TraitShape(BaseModel):
    """A golden value with where it came from, as `?verbose=true` shows it."""

    value: Any
    source: str
    key: str
    observed_at: datetime = Field(description="When the source says it was true.")
    rule: str = Field(description="The survivorship rule that chose it.")


class ProfileShape(BaseModel):
    """A golden profile. With `?verbose=true` each trait is `{value, source, key, observed_at, rule}`."""

    model_config = _example(
        {
            "id": "Zk3vWqLmPd",
            "version": 7,
            "traits": {"email": "ada@example.com", "first_name": "Ada"},
            "identifiers": [{"namespace": "email", "value": "ada@example.com"}],
            "records": [{"source": "crm", "key": "42"}],
            "consents": [],
            "segments": [],
            "created_at": "2026-11-20T10:00:00Z",
            "updated_at": "2026-11-21T08:30:00Z",
        }
    )

    id: str
    version: int = Field(description="Rises by one with every change; the ETag.")
    traits: dict[str, Any]
    identifiers: list[IdentifierShape]
    records: list[RecordShape]
    consents: list[dict[str, Any]] = Field(description="What the person allowed, by purpose and channel.")
    segments: list[dict[str, Any]] = Field(description="The segments that the person is in.")
    created_at: datetime
    updated_at: datetime


class LookupShape(BaseModel):
    """One way to mean a person: `{namespace, value}`, `{source, key}` or `{id}`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_three_ways)

    namespace: Annotated[str, Field(max_length=512)] | None = None
    value: Annotated[StrictStr, Field(max_length=MAX_VALUE)] | StrictInt | None = None
    source: Annotated[str, Field(max_length=512)] | None = None
    key: Annotated[str, Field(max_length=MAX_VALUE)] | None = None
    id: Annotated[str, Field(max_length=512)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "LookupShape":
        if self.model_fields_set not in _WAYS or any(getattr(self, name) is None for name in self.model_fields_set):
            raise ValueError("Ask by namespace and value, by source and key, or by id: by one of the three.")
        return self

    def by(self, ids: PublicIds) -> By | None:
        """What it asks for; None for an id that is none of this workspace."""
        if self.namespace is not None and self.value is not None:
            return ByIdentifier(self.namespace, self.value)
        if self.source is not None and self.key is not None:
            return ByRecord(self.source, self.key)
        number = ids.decode(self.id or "")
        return None if number is None else ById(number)


class LookupsShape(BaseModel):
    """Up to a thousand look-ups, answered in their order."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "lookups": [
                        {"namespace": "email", "value": "ada@example.com"},
                        {"source": "crm", "key": "42"},
                        {"id": "Zk3vWqLmPd"},
                    ]
                }
            ]
        },
    )

    lookups: Annotated[list[LookupShape], Field(max_length=MAX_LOOKUPS)]


class ProfilesShape(BaseModel):
    """The profiles in the order asked, null where nobody is known."""

    profiles: list[ProfileShape | None]


class PatchShape(BaseModel):
    """Traits to set; null clears one, and what is not named stays as it is."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"traits": {"first_name": "Augusta", "title": None}}]}
    )

    traits: dict[str, Any]


class ValueChange(BaseModel):
    old: Any = None
    new: Any = None


class CauseShape(BaseModel):
    """A message that brought a version about: an event by its messageId, a record by its key."""

    source: str
    message_id: str | None = None
    key: str | None = None
    received_at: datetime


class VersionShape(BaseModel):
    """What one version changed, and why."""

    version: int
    at: datetime
    reason: Literal[
        "created", "updated", "merged", "split", "merged_into", "record_removed", "rules_changed", "removed"
    ]
    other_profile: str | None = Field(description="The profile it merged with, split from or went to.")
    causes: list[CauseShape] = Field(description="The messages that brought it about; at most the first 20.")
    traits: dict[str, ValueChange]
    records_joined: list[RecordShape]
    records_parted: list[RecordShape]
    identifiers_gained: list[IdentifierShape]
    identifiers_lost: list[IdentifierShape]


class EventShape(BaseModel):
    """Something that the person did."""

    model_config = _example(
        {
            "message_id": "m-1",
            "type": "track",
            "name": "Order Completed",
            "occurred_at": "2026-11-20T10:00:00Z",
            "received_at": "2026-11-20T10:00:01Z",
            "source": "web",
            "properties": {"total": 39.95},
        }
    )

    message_id: str | None
    type: str
    name: str | None
    occurred_at: datetime
    received_at: datetime
    source: str
    properties: dict[str, Any]


def profile_json(ids: PublicIds, profile: Profile, *, verbose: bool = False) -> dict[str, Any]:
    """A profile in the contract's shape."""
    return {
        "id": ids.encode(profile.id),
        "version": profile.version,
        "traits": _verbose(profile) if verbose else dict(profile.traits),
        "identifiers": [{"namespace": i.namespace, "value": i.value} for i in profile.identifiers],
        "records": [{"source": r.source, "key": r.key} for r in profile.records],
        "consents": [],
        "segments": [],
        "created_at": profile.created_at,
        "updated_at": profile.updated_at,
    }


def version_json(ids: PublicIds, change: Change) -> dict[str, Any]:
    return {
        "version": change.version,
        "at": change.at,
        "reason": change.reason,
        "other_profile": None if change.other_id is None else ids.encode(change.other_id),
        "causes": [
            {"source": c.source, "message_id": c.message_id, "key": c.key, "received_at": c.received_at}
            for c in change.causes
        ],
        "traits": {name: {"old": old, "new": new} for name, (old, new) in change.traits.items()},
        "records_joined": [{"source": r.source, "key": r.key} for r in change.joined],
        "records_parted": [{"source": r.source, "key": r.key} for r in change.parted],
        "identifiers_gained": [{"namespace": i.namespace, "value": i.value} for i in change.gained],
        "identifiers_lost": [{"namespace": i.namespace, "value": i.value} for i in change.lost],
    }


def event_json(event: Event) -> dict[str, Any]:
    return {
        "message_id": event.message_id,
        "type": event.type,
        "name": event.name,
        "occurred_at": event.occurred_at,
        "received_at": event.received_at,
        "source": event.source,
        "properties": dict(event.properties),
    }


def _verbose(profile: Profile) -> Mapping[str, Any]:
    return {
        name: {"value": value, "source": p.source, "key": p.key, "observed_at": p.observed_at, "rule": p.rule}
        for name, value in profile.traits.items()
        if (p := profile.provenance.get(name)) is not None
    }
