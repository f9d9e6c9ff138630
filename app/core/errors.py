"""Every error this service raises on purpose.

CdpError
├── Refused       the caller sent something we will not take      (never retried)
├── NotFound      no such thing, or not yours to see              (never retried)
├── Conflict      true a moment ago, not any more                 (caller may re-read)
├── Forbidden     known caller, missing scope; or unknown caller  (never retried)
└── Unavailable   the other side is down or asks us to wait       (always retried)

The kinds know nothing of HTTP or of queues: app/api/errors.py gives each its
status, app/workers/ decides from the kind alone whether to retry. The message
is a sentence that says what to do and never holds a personal value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one place of the input.

    `pointer` is a JSON pointer (RFC 6901) into what was sent, `code` a stable
    machine word, `detail` a sentence for a person without the offending value.
    """

    pointer: str
    code: str
    detail: str


class CdpError(Exception):
    """Something expected went wrong."""

    code = "error"

    def __init__(self, message: str = "", *, code: str | None = None, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message or (self.__doc__ or "").strip())
        if code is not None:
            self.code = code
        self.faults = tuple(faults)


class Refused(CdpError):
    """The request is malformed or not allowed by a rule."""

    code = "refused"


class TooLarge(Refused):
    """The request is larger than this endpoint takes."""

    code = "too_large"


class NotFound(CdpError):
    """No such thing here."""

    code = "not_found"


class Conflict(CdpError):
    """The thing changed meanwhile."""

    code = "conflict"


class Stale(Conflict):
    """The version given is not the current one; read again and repeat."""

    code = "stale"


class Forbidden(CdpError):
    """The caller lacks a scope."""

    code = "forbidden"


class Unauthenticated(Forbidden):
    """No valid credentials came with the request."""

    code = "unauthenticated"


class Unavailable(CdpError):
    """The other side cannot answer now."""

    code = "unavailable"

    def __init__(self, message: str = "", *, retry_after: timedelta | None = None, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class Overloaded(Unavailable):
    """More is waiting than can be worked off soon; send again later."""

    code = "overloaded"
