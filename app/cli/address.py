"""The address of the API: whether it can be had, and whether it answers."""

import errno
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from app.core.errors import Refused, Unavailable

READY_LIMIT = 60.0
GIVE_UP_AFTER = 3
"""Ends in a row of an API that was never ready."""

NEARBY = 100
"""Ports that are tried to name a free one."""

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  recognised, not listened on


def check_port(host: str, port: int) -> None:
    """Refuse an address that the API could not listen on, before anything is started."""
    trouble = _trouble(host, port)
    if trouble == errno.EADDRINUSE:
        free = next((p for p in range(port + 1, min(port + NEARBY, 65536)) if _trouble(host, p) is None), None)
        other = f"--port {free}" if free else "--port NUMBER"
        raise Refused(f"Port {port} is taken; choose another with ./run {other}.")
    if trouble == errno.EACCES:
        raise Refused(f"Port {port} is reserved for root; choose one above 1023 with --port.")
    if trouble is not None:
        raise Refused(f"Nothing can listen on {host} here ({os.strerror(trouble)}); choose another with --host.")


def reachable(host: str, port: int) -> str:
    """Base URL under which a client on this machine reaches a server that listens on `host`."""
    literal = f"[{host}]" if ":" in host else host
    return f"http://{_EVERYWHERE.get(host, literal)}:{port}"


def wait_ready(base_url: str, ends: Callable[[], int]) -> None:
    """Return when the API accepts writes; `ends` counts how often in a row it has ended."""
    deadline = time.monotonic() + READY_LIMIT
    while not _ready(base_url):
        if ends() >= GIVE_UP_AFTER or time.monotonic() > deadline:
            raise Unavailable("The API does not start; logs/api.log in the data directory says why.")
        time.sleep(0.05)


def _ready(base_url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{base_url}/readyz", timeout=5) as answer:  # noqa: S310  our own http address
            return bool(answer.status == 200)
    except (OSError, urllib.error.HTTPError):
        return False


def _trouble(host: str, port: int) -> int | None:
    """The error number that listening there ends with, or None."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        return errno.EADDRNOTAVAIL
    with socket.socket(family, kind, protocol) as probe:
        # As servers do, so that connections of a former run that still linger are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            return error.errno
    return None
