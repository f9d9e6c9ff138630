"""Pointers as they may lie in the clear: down to the first step that only its sender could name.

A pointer into what was sent holds keys, and a key may be anybody's address. Whoever sent it is told the whole pointer;
what is stored beside sealed words stops where our own formats end.
"""

from app.core.errors import Fault
from app.domain.record_rules import MEMBERS

EVENT_FIELDS = (
    "type", "messageId", "userId", "anonymousId", "groupId", "previousId", "event", "name", "category", "traits",
    "properties", "context", "integrations", "timestamp", "originalTimestamp", "sentAt", "batch", "writeKey",
    "externalIds", "channel", "version", "id", "collection", "encoding",
)  # fmt: skip
OURS = frozenset((*MEMBERS, *EVENT_FIELDS, "namespace", "value"))

KEY_COLUMN = "no_key"
"""The code of a row without a key: its pointer names the column that the import's own options chose."""


def kept(fault: Fault) -> str:
    """The part of a fault's pointer that may be stored in the clear: names of our formats, and positions."""
    if fault.code == KEY_COLUMN:
        return fault.pointer
    steps = fault.pointer.split("/")[1:]
    known = next((at for at, step in enumerate(steps) if step not in OURS and not _is_position(step)), len(steps))
    return "".join(f"/{step}" for step in steps[:known])


def _is_position(step: str) -> bool:
    """An index into an array. A longer number may be a telephone's."""
    return step.isascii() and step.isdigit() and len(step) <= 5
