"""What a worker lacks: how long each loop that cannot work waits until it tries again, and what the log is told.

The loops of one worker lack the same few things, so they are told of together: a line when the first of them cannot go
on, one a minute while it lasts, one when the last of them works again. Each line that something is missing carries an
error of ours that says what to do, with what was raised as its cause.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import structlog

from app.core.errors import Unavailable

LEAST = 1.0
MOST = 30.0
"""Seconds between two tries: at first, and when an outage is an old one."""

SHARE = 0.25
"""A wait is at most this part of the outage so far: work goes on soon after a short one, a long one costs little."""

TELL_EVERY = 60.0

log = structlog.get_logger(__name__)


class Lack(Enum):
    """What is missing, and what to do about it."""

    DATABASE = (
        "The database does not answer; see that it runs and that CDP_DATABASE_URL is right. Nothing that was accepted"
        " is lost, and the work goes on by itself."
    )
    QUEUE = (
        "The queue server does not answer; see that it runs and that CDP_REDIS_URL is right. Until then work is found"
        " by looking for it, a little later."
    )
    CAUSE = "A loop of this worker cannot go on, for the reason that its cause says in this line; it is tried again."
    FAULT = (
        "A loop of this worker failed and begins again; no message is lost by it. Please report it with the cause that"
        " stands in this line."
    )


@dataclass(slots=True)
class _Told:
    """One lack as the log has it."""

    since: float
    at: float


class Outages:
    """The outages of one worker process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, rng: random.Random | None = None) -> None:
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311  it spreads waits, it keeps no secret
        self._since: dict[tuple[str, Lack], float] = {}
        self._told: dict[Lack, _Told] = {}

    def failed(self, loop: str, lack: Lack, error: BaseException) -> float:
        """Note that a loop cannot work; return the seconds after which it should try again."""
        now = self._clock()
        since = self._since.setdefault((loop, lack), now)
        told = self._told.setdefault(lack, _Told(now, now - TELL_EVERY))
        if now - told.at >= TELL_EVERY:
            told.at = now
            reason = Unavailable(lack.value)
            reason.__cause__ = error
            say = log.error if lack is Lack.FAULT else log.warning
            say("worker_waits", component=lack.name.lower(), loop=loop, seconds=int(now - told.since), exc_info=reason)
        return self._rng.uniform(LEAST, min(MOST, max(1.5 * LEAST, SHARE * (now - since))))

    def well(self, loop: str) -> None:
        """Note that a turn of a loop ended well."""
        for each in [key for key in self._since if key[0] == loop]:
            del self._since[each]
            lack = each[1]
            if lack not in {other for _, other in self._since}:
                lasted = self._clock() - self._told.pop(lack).since
                log.info("worker_works_again", component=lack.name.lower(), loop=loop, seconds=int(lasted))
