"""Events of the Segment specification: what each call says about which record.

Source: Segment HTTP Tracking API and Spec: Common; differences of RudderStack's
SDKs (`originalTimestamp`, traits only in `context.traits`) are taken as well.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.core.errors import Fault
from app.domain.claims import Json
from app.domain.deliveries import Delivery, EventType, Happening, clamp, micros, read_time
from app.domain.sources import Source

TYPES = {kind.name.lower(): kind for kind in EventType}
MAX_EXTERNAL_IDS = 20
MAX_NAME = 1024

# Tuples, made once: a union of types in isinstance is built again at every call, four times as slow.
IDS = ("userId", "anonymousId", "groupId", "previousId", "messageId")
OBJECTS = ("traits", "properties", "context", "integrations")
NO_TEXT = (dict, list, bool, float)
OBJECT = (dict, type(None))
TIMES = ("timestamp", "originalTimestamp", "sentAt")
TEXT_OR_NONE: frozenset[type] = frozenset((str, type(None)))
OBJECT_OR_NONE: frozenset[type] = frozenset(OBJECT)
USUAL: Mapping[str, frozenset[type]] = {
    **dict.fromkeys((*IDS, *TIMES), TEXT_OR_NONE),
    **dict.fromkeys(OBJECTS, OBJECT_OR_NONE),
}
"""What the members of nearly every event are."""

UNNAMED = ("identify", "page", "screen")
"""Events that need no more than somebody whom they are about."""


def fault(message: Json) -> Fault | None:
    """Why this is no event, or None. Checked when it is accepted; what fails is kept in quarantine with this reason."""
    if not isinstance(message, dict):
        return Fault("", "not_an_object", "An event is a JSON object.")
    if _is_usual(message):
        return None
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in TYPES:
        return Fault("/type", "unknown_type", f"An event's type is one of: {', '.join(TYPES)}.")
    for name in IDS:
        if name in message and isinstance(message[name], NO_TEXT):
            return Fault(f"/{name}", "not_text", f"{name} is text or a whole number.")
    if isinstance(id := message.get("messageId"), str) and len(id) > MAX_NAME:
        return Fault("/messageId", "too_long", f"A messageId has at most {MAX_NAME} characters.")
    for name in OBJECTS:
        if name in message and not isinstance(message[name], OBJECT):
            return Fault(f"/{name}", "not_an_object", f"{name} is a JSON object.")
    return _needed(message, kind) or _times(message)


def _is_usual(message: Mapping[str, Json]) -> bool:
    """Whether this is plainly an event, at half the price of asking what is wrong with it. False says nothing."""
    for name, value in message.items():
        usual = USUAL.get(name)
        if usual is not None and type(value) not in usual:
            return False
    get = message.get
    kind = get("type")
    if kind == "track":
        if type(get("event")) is not str or not get("event"):
            return False
    elif kind not in UNNAMED:
        return False
    if not (get("userId") or get("anonymousId")) or len(get("messageId") or "") > MAX_NAME:
        return False
    return _is_time(get("timestamp")) and _is_time(get("originalTimestamp")) and _is_time(get("sentAt"))


def _is_time(said: str | None) -> bool:
    """Whether `read_time` takes it, or nothing was said. An offset, less than a day, leads from none of the years in
    between out of the calendar."""
    if said is None:
        return True
    try:
        return 1 < datetime.fromisoformat(said).year < 9999
    except ValueError:
        return False


def _times(message: Mapping[str, Json]) -> Fault | None:
    for name in TIMES:
        # Whether its source declares a zone for naive times is known in the pipeline only.
        if (said := message.get(name)) is not None and isinstance(read := read_time(said, "UTC"), Fault):
            return Fault(f"/{name}", read.code, read.detail)
    return None


def _needed(message: Mapping[str, Json], kind: str) -> Fault | None:
    def has(name: str) -> bool:
        return message.get(name) not in (None, "")

    if not has("userId") and not has("anonymousId") and not _external_ids(message):
        return Fault("/userId", "no_user_anon_id", "An event needs a userId or an anonymousId.")
    if kind == "track" and not (has("event") and isinstance(message["event"], str)):
        return Fault("/event", "no_event_name", "A track call needs an event name.")
    if kind == "group" and not has("groupId"):
        return Fault("/groupId", "no_group_id", "A group call needs a groupId.")
    if kind == "alias" and not (has("previousId") and has("userId")):
        return Fault("/previousId", "no_previous_id", "An alias call needs a previousId and a userId.")
    return None


def from_event(log_id: int, source: Source, body: Mapping[str, Any], received_at: datetime) -> Delivery | Fault:
    """What an event says about its record, with its time corrected by the client's clock."""
    message = in_context(body["message"], body.get("context"))
    if (wrong := fault(message)) is not None:
        return wrong
    kind = TYPES[message["type"]]
    at = corrected(message, body.get("sent_at"), received_at, source.declared.zone)
    if isinstance(at, Fault):
        return at
    when = micros(at)
    return Delivery(
        log_id,
        source,
        None,
        when,
        _traits(message, kind),
        _identifiers(message, kind),
        event=Happening(kind, event_name(message, kind), when),
    )


def in_context(message: Json, around: Json) -> Any:
    """An event with the context of its batch, which gives way to its own; what is no object stays as it is."""
    if not isinstance(message, dict):
        return message
    own = message.get("context")
    if isinstance(own, dict | None) and isinstance(around, dict | None):
        return {**message, "context": {**(around or {}), **(own or {})}}
    return {**message, "context": own or around}


def corrected(message: Mapping[str, Json], sent_at: Json, received_at: datetime, zone: str | None) -> datetime | Fault:
    """`receivedAt - (sentAt - originalTimestamp)`: the client's clock may be wrong, the span between two readings
    of it is not. Without a sentAt the timestamp stands; without a timestamp the time of receipt does."""
    said = message.get("timestamp") or message.get("originalTimestamp")
    if said is None:
        return received_at
    happened = read_time(said, zone)
    if isinstance(happened, Fault):
        return Fault("/timestamp", happened.code, happened.detail)
    sent = message.get("sentAt") or sent_at
    if sent is None:
        return clamp(happened, received_at)
    left = read_time(sent, zone)
    if isinstance(left, Fault):
        return Fault("/sentAt", left.code, left.detail)
    try:
        return clamp(received_at - (left - happened), received_at)
    except OverflowError:
        return Fault("/timestamp", "bad_time", "This time lies too far from its sentAt.")


def _traits(message: Mapping[str, Json], kind: EventType) -> dict[str, Json]:
    """The person's traits. A group call's traits are the group's, not the person's."""
    inner = message["context"].get("traits")
    found = dict(inner) if isinstance(inner, dict) else {}
    if kind is EventType.IDENTIFY:
        found.update(message.get("traits") or {})
    return found


def _identifiers(message: Mapping[str, Json], kind: EventType) -> list[tuple[str, Json]]:
    found: list[tuple[str, Json]] = []
    for namespace, name in (("user_id", "userId"), ("anonymous_id", "anonymousId")):
        if message.get(name) not in (None, ""):
            found.append((namespace, message[name]))
    if kind is EventType.ALIAS:
        found.append(("anonymous_id", message["previousId"]))
    return found + _external_ids(message)


def _external_ids(message: Mapping[str, Json]) -> list[tuple[str, Json]]:
    """`context.externalIds`: `{id, type, collection, encoding}`, the type being a namespace."""
    context = message.get("context")
    listed = context.get("externalIds") if isinstance(context, dict) else None
    return [
        (each["type"], each["id"])
        for each in (listed if isinstance(listed, list) else [])[:MAX_EXTERNAL_IDS]
        if isinstance(each, dict) and isinstance(each.get("type"), str) and isinstance(each.get("id"), str | int)
    ]


def event_name(message: Mapping[str, Json], kind: EventType) -> str | None:
    """What a track call calls its event; the name of a page, screen or group."""
    name = message.get("event") if kind is EventType.TRACK else message.get("name")
    return name[:MAX_NAME] if isinstance(name, str) and name else None
