"""Log entries on their way through the pipeline, and what is said of those that cannot go on."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One log entry, as it lies in the log: `body` is sealed."""

    log_id: int
    source_id: int
    kind: int
    received_at: datetime
    message_token: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class SetAside:
    """A record that cannot go on, and the named reason."""

    log_id: int
    code: str
    pointer: str
    detail: str
