"""An identifier: one namespaced value that points at a person."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from app.identity.blocked import shipped
from app.identity.normalize import Unreadable
from app.identity.normalize.email import EXACT, EmailRules, email
from app.identity.normalize.phone import phone

NAMESPACE: Final = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
MAX_LENGTH: Final = 512  # characters of a value in a namespace of its own

# Names that tools use for the two namespaces that have a form, and run-together spellings of ours.
_ALIASES: Final = {
    "e_mail": "email",
    "email_address": "email",
    "phone_number": "phone",
    "telephone": "phone",
    "userid": "user_id",
    "anonymousid": "anonymous_id",
    "deviceid": "device_id",
}
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_UNPRINTABLE: Final = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})


class Identifier(NamedTuple):
    """A canonical value in a canonical namespace: equal exactly when they mean the same mailbox, line or account.

    A named tuple and not a dataclass: the pipeline hashes each of them a hundred times.
    """

    namespace: str
    value: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """The value identifies nobody (`null`, a no-reply address, a zeroed device id). Holds no value, only the reason."""

    namespace: str
    reason: str


Outcome: TypeAlias = Identifier | Blocked | Unreadable


def namespace(raw: str) -> str | None:
    """The canonical name: `userId`, `User ID` and `user-id` are `user_id`; None if no name can be made of it."""
    return _namespace(raw) if len(raw) <= MAX_LENGTH else None


@lru_cache(1_024)
def _namespace(raw: str) -> str | None:
    name = raw
    if NAMESPACE.fullmatch(raw) is None:
        letters = unicodedata.normalize("NFKD", raw).encode("ascii", "ignore").decode()
        name = re.sub(r"[^a-z0-9]+", "_", _HUMP.sub("_", letters).lower()).strip("_")
        if NAMESPACE.fullmatch(name) is None:
            return None
    return _ALIASES.get(name, name)


def identifier(namespace: str, raw: str | int, region: str | None = None, email_rules: EmailRules = EXACT) -> Outcome:
    """The canonical identifier; or `Blocked`, identifying nobody; or `Unreadable`, with a code.

    `region` is the source's ISO 3166-1 alpha-2 code for telephone numbers without a country.
    A value in a namespace without a form of its own keeps its case, for most systems' keys
    have one; only UUIDs are folded, whose case means nothing (RFC 9562 section 4).
    Any value of any type is answered; nothing is raised.
    """
    name = _namespace(namespace) if len(namespace) <= MAX_LENGTH else None
    if name is None:
        return Unreadable("namespace", "A namespace is a short name such as user_id.")
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        return Unreadable("not_text", "An identifier is text or a whole number.")
    text = raw if isinstance(raw, str) else _digits(raw)
    if reason := shipped(name, text):
        return Blocked(name, reason)
    value = _canonical(name, text, region, email_rules)
    if isinstance(value, Unreadable):
        return value
    if value is not text and (reason := shipped(name, value)):
        return Blocked(name, reason)
    return Identifier(name, value)


def _digits(number: int) -> str:
    # Python refuses to print integers of more than 4,300 digits; none of them is an identifier.
    return str(number) if abs(number) < 10**MAX_LENGTH else "9" * (MAX_LENGTH + 1)


def _canonical(name: str, text: str, region: str | None, rules: EmailRules) -> str | Unreadable:
    if name == "email":
        return email(text, rules)
    if name == "phone":
        number = phone(text, region)
        return number if isinstance(number, Unreadable) else number.e164
    return _key(text)


def _key(text: str) -> str | Unreadable:
    """A key of some other system: blanks around it dropped, NFC, otherwise as it is."""
    value = text.strip()
    if not value.isascii():
        value = unicodedata.normalize("NFC", value)
    if len(value) > MAX_LENGTH:
        return Unreadable("too_long", f"An identifier has at most {MAX_LENGTH} characters.")
    if not value.isprintable() and any(unicodedata.category(c) in _UNPRINTABLE for c in value):
        return Unreadable("unprintable", "An identifier has no control characters.")
    return value.lower() if _UUID.fullmatch(value) else value
