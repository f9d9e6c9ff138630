"""What makes one item of a record ingest acceptable.

An item is `{key, traits, identifiers?, observed_at?, deleted?, message_id?}`. Nothing is passed over: a member that
is not known is refused with its place, for a typo must not be dropped silently.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from app.core.errors import Fault
from app.core.jsonfaults import below
from app.domain.claims import Json
from app.domain.deliveries import read_time
from app.domain.sources import Source
from app.identity.identifier import namespace

MEMBERS = ("key", "traits", "identifiers", "observed_at", "deleted", "message_id")
USUAL = frozenset(("key", "traits", "identifiers", "observed_at"))
"""The members of nearly every record."""

MAX_KEY = 512
MAX_TRAITS = 500
MAX_IDENTIFIERS = 50
MAX_MESSAGE_ID = 512
RESERVED_NAMESPACES = frozenset({"edited_record"})
"""Namespaces that only this service writes."""


def validate(item: Json, source: Source) -> Fault | None:
    """Why this is no record, or None. Optional members may be null, which is the same as absent."""
    if not isinstance(item, dict):
        return Fault("", "not_an_object", "A record is a JSON object with a key and traits.")
    if _is_usual(item):
        return None
    for name in item:
        if name not in MEMBERS:
            return Fault(below("", name), "unknown_member", f"A record has the members {', '.join(MEMBERS)}.")
    return (
        _key(item.get("key"))
        or _deleted_and_traits(item.get("deleted"), item.get("traits"))
        or _identifiers(item.get("identifiers"))
        or _observed_at(item.get("observed_at"), source)
        or _message_id(item.get("message_id"))
    )


def _is_usual(item: Mapping[str, Json]) -> bool:
    """Whether this is plainly a record, at a third of the price of asking what is wrong with it. False says nothing."""
    get = item.get
    key, traits, observed_at = get("key"), get("traits"), get("observed_at")
    return (
        type(key) is str
        and 0 < len(key) <= MAX_KEY
        and not key.isspace()
        and type(traits) is dict
        and len(traits) <= MAX_TRAITS
        and item.keys() <= USUAL
        and (observed_at is None or (type(observed_at) is str and _is_instant(observed_at)))
        and _are_usual(get("identifiers"))
    )


def _are_usual(listed: Json) -> bool:
    if listed is None:
        return True
    if type(listed) is not list or len(listed) > MAX_IDENTIFIERS:
        return False
    for each in listed:
        if type(each) is not dict or len(each) != 2 or type(each.get("value")) is not str:
            return False
        said = each.get("namespace")
        if type(said) is not str or not _is_namespace(said):
            return False
    return True


@lru_cache(1024)
def _is_namespace(said: str) -> bool:
    canonical = namespace(said)
    return canonical is not None and canonical not in RESERVED_NAMESPACES


def _is_instant(said: str) -> bool:
    """Whether `read_time` takes it wherever it comes from. An offset, less than a day, leads from none of the years in
    between out of the calendar."""
    try:
        read = datetime.fromisoformat(said)
    except ValueError:
        return False
    return read.tzinfo is not None and 1 < read.year < 9999


def _key(key: Json) -> Fault | None:
    if key is None:
        return Fault("/key", "no_key", "A record needs a key: what its source calls it.")
    if isinstance(key, bool) or not isinstance(key, str | int):
        return Fault("/key", "not_text", "A key is text or a whole number.")
    if isinstance(key, str) and not (key.strip() and len(key) <= MAX_KEY):
        return Fault("/key", "bad_length", f"A key has 1 to {MAX_KEY} characters and is not blank.")
    return None


def _deleted_and_traits(deleted: Json, traits: Json) -> Fault | None:
    if deleted is not None and not isinstance(deleted, bool):
        return Fault("/deleted", "not_a_boolean", "deleted is true or false.")
    if traits is None:
        return None if deleted else Fault("/traits", "no_traits", "A record that is not deleted needs traits.")
    if not isinstance(traits, dict):
        return Fault("/traits", "not_an_object", "traits is a JSON object.")
    if len(traits) > MAX_TRAITS:
        return Fault("/traits", "too_many_fields", f"A record has at most {MAX_TRAITS} traits.")
    return None


def _identifiers(listed: Json) -> Fault | None:
    if listed is None:
        return None
    if not isinstance(listed, list):
        return Fault("/identifiers", "not_an_array", "identifiers is an array of {namespace, value}.")
    if len(listed) > MAX_IDENTIFIERS:
        return Fault("/identifiers", "too_many_items", f"A record has at most {MAX_IDENTIFIERS} identifiers.")
    for at, each in enumerate(listed):
        if (fault := _identifier(f"/identifiers/{at}", each)) is not None:
            return fault
    return None


def _identifier(pointer: str, each: Json) -> Fault | None:
    if not isinstance(each, Mapping):
        return Fault(pointer, "not_an_object", "An identifier is an object of namespace and value.")
    for name in each:
        if name not in ("namespace", "value"):
            return Fault(below(pointer, name), "unknown_member", "An identifier has the members namespace and value.")
    said, value = each.get("namespace"), each.get("value")
    canonical = namespace(said) if isinstance(said, str) else None
    if canonical is None:
        return Fault(f"{pointer}/namespace", "bad_namespace", "A namespace is a short name such as user_id.")
    if canonical in RESERVED_NAMESPACES:
        return Fault(f"{pointer}/namespace", "reserved_namespace", f"The namespace {canonical} is reserved.")
    if isinstance(value, bool) or not isinstance(value, str | int):
        return Fault(f"{pointer}/value", "not_text", "An identifier's value is text or a whole number.")
    return None


def _observed_at(said: Json, source: Source) -> Fault | None:
    if said is None:
        return None
    read = read_time(said, source.declared.zone)
    return Fault("/observed_at", read.code, read.detail) if isinstance(read, Fault) else None


def _message_id(said: Json) -> Fault | None:
    if said is None or (isinstance(said, str) and 0 < len(said) <= MAX_MESSAGE_ID):
        return None
    return Fault("/message_id", "bad_message_id", f"A message_id is text of 1 to {MAX_MESSAGE_ID} characters.")
