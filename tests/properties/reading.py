"""The oracle's reading: what one message says about which record."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from app.identity.policy import Policy
from tests.make import Message

Id = tuple[str, str]
"""(namespace, value)"""
Name = tuple[str, str]
"""(source, key) of a record"""

NOBODY = {"null", "undefined", "0", "none", ""}
TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True)
class Word:
    """One message, read: about whom, when, what."""

    name: Name
    at: datetime
    deleted: bool
    traits: Mapping[str, Any]
    listed: tuple[Id, ...] | None
    seen: tuple[Id, ...]


def read(message: Message, policy: Policy) -> Word | None:
    """What a message says, or None when it identifies nobody."""
    said = message.said
    if "key" in said:
        at = moment(said.get("observed_at"), message.received_at)
        listed = said.get("identifiers")
        found = None if listed is None else _somebody((i["namespace"], i["value"]) for i in listed)
        traits = _traits(said.get("traits") or {})
        return Word((message.source, said["key"]), at, said.get("deleted") is True, traits, found, ())
    at = moment(said.get("timestamp"), message.received_at)
    context = said.get("context") or {}
    traits = dict(context.get("traits") or {})
    if said["type"] == "identify":
        traits.update(said.get("traits") or {})
    pairs = [("user_id", said.get("userId")), ("anonymous_id", said.get("anonymousId"))]
    if said["type"] == "alias":
        pairs.append(("anonymous_id", said["previousId"]))
    pairs += [(each["type"], each["id"]) for each in context.get("externalIds", ())]
    seen = _somebody(pair for pair in pairs if pair[1] is not None)
    own = _traits(traits)
    keyed = seen or _somebody((name, own[name]) for name in ("email", "phone") if own.get(name) is not None)
    if not keyed:
        return None
    strongest = sorted(keyed, key=lambda i: (-policy.rule(i[0]).priority, *i))[0]
    return Word((message.source, ":".join(strongest)), at, False, own, None, seen)


def moment(said: str | None, received_at: datetime) -> datetime:
    at = received_at if said is None else datetime.fromisoformat(said).astimezone(UTC)
    return min(at, received_at + TOLERANCE)


def _traits(said: Mapping[str, Any]) -> dict[str, Any]:
    """What is empty is no word; what is null clears."""
    return {name: value for name, value in said.items() if value is None or not empty(value)}


def empty(value: Any) -> bool:
    return value is None or value in ("", [], {}) or (isinstance(value, str) and not value.strip())


def _somebody(pairs: Iterable[tuple[str, Any]]) -> tuple[Id, ...]:
    return tuple((namespace, str(value)) for namespace, value in pairs if str(value) not in NOBODY)
