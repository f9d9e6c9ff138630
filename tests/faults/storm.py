"""Faults that a test lets loose on an installation, each with what has to be true when it is over."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Mapping

import psutil
import redis

from tests.faults.installation import Installation, gone

SERVING_IN = 10.0
"""Seconds after which an installation serves again, whatever was killed: the promise."""

LEASE_SECONDS = 3
PAUSE = LEASE_SECONDS + 1.5
FLUSHES = 40


def kill_worker(installation: Installation, rng: random.Random) -> None:
    _kill(rng.choice(installation.workers))


def kill_api(installation: Installation, rng: random.Random) -> None:
    _kill(installation.api)


def kill_postmaster(installation: Installation, rng: random.Random) -> None:
    _kill(installation.postmaster)


def kill_postgres(installation: Installation, rng: random.Random) -> None:
    for each in installation.postgres:
        _kill(each)


def kill_valkey(installation: Installation, rng: random.Random) -> None:
    _kill(installation.valkey)


def flush_valkey(installation: Installation, rng: random.Random) -> None:
    """Forget every bell, again and again."""
    path = installation.settings.redis_url
    assert path is not None
    for _ in range(FLUSHES):
        with contextlib.suppress(redis.RedisError), redis.Redis(unix_socket_path=path.removeprefix("unix://")) as bell:
            bell.flushall()
        time.sleep(0.02)


def pause_worker(installation: Installation, rng: random.Random) -> None:
    """A worker stands still for longer than its lease, and goes on as if nothing had been."""
    _pause(rng.choice(installation.workers), PAUSE)


def pause_api(installation: Installation, rng: random.Random) -> None:
    _pause(installation.api, 2.0)


def kill_the_whole(installation: Installation, rng: random.Random) -> None:
    """`cdp up` alone is killed: it takes its children along, and the next start goes on."""
    left = installation.kill_itself()
    assert not gone(left, SERVING_IN), left
    installation.start()


def kill_everything(installation: Installation, rng: random.Random) -> None:
    installation.kill_everything()
    installation.start()


FAULTS: Mapping[str, Callable[[Installation, random.Random], None]] = {
    "worker killed": kill_worker,
    "API killed": kill_api,
    "postmaster killed": kill_postmaster,
    "all of PostgreSQL killed": kill_postgres,
    "Valkey killed": kill_valkey,
    "Valkey flushed": flush_valkey,
    "worker paused past its lease": pause_worker,
    "API paused": pause_api,
    "cdp up killed": kill_the_whole,
    "everything killed": kill_everything,
}


def strike(installation: Installation, fault: str, rng: random.Random) -> float:
    """Let one fault loose and wait until writes are accepted; return the seconds between the two."""
    began = time.monotonic()
    FAULTS[fault](installation, rng)
    installation.serves(SERVING_IN)
    return time.monotonic() - began


def _kill(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()


def _pause(process: psutil.Process, seconds: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGCONT)
