"""A load generator: raw sockets, keep-alive, one request in flight per connection, in a process of its own.

Reads its orders as JSON from stdin and prints what happened as JSON. The marker in the
body is replaced by a text that no other request has, so that nothing is a duplicate.
"""

import asyncio
import json
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import count
from statistics import quantiles
from typing import cast

import uvloop

from bench.processes import own_environment, python_module

MARKER = "@@@@@@@@"
CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Orders:
    """What to send, where, and for how long. `headers` are sent as they are, beside Host and Content-Length."""

    port: int
    path: str
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)
    connections: int = CONNECTIONS
    seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Answered requests, the seconds until the last answer, latencies in milliseconds, and answers by status."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    statuses: Mapping[str, int]


def send(orders: Orders) -> Outcome:
    """Carry orders out in a process of its own."""
    done = subprocess.run(
        python_module("bench.load"),
        input=json.dumps(asdict(orders)).encode(),
        stdout=subprocess.PIPE,
        env=own_environment(),
        check=True,
        timeout=orders.seconds + 60,
    )
    return Outcome(**json.loads(done.stdout))


class Connection(asyncio.Protocol):
    """Sends the next request when the last one is answered, until told to stop."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        self._waiting = b""
        self._sent = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        head, found, rest = self._waiting.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        place = lower.index(b"content-length:") + 15
        length = int(lower[place : lower.find(b"\r\n", place) if lower.find(b"\r\n", place) > 0 else None])
        if len(rest) < length:
            return
        self._waiting = b""
        self._run.answered(head[9:12].decode(), time.perf_counter() - self._sent)
        self._next()

    def connection_lost(self, failure: Exception | None) -> None:
        self._run.ended()

    def _next(self) -> None:
        assert self._transport is not None
        if self._run.is_over():
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(self._run.request())


class Run:
    """One run of the generator."""

    def __init__(self, orders: Orders) -> None:
        head = [f"POST {orders.path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
        head += [f"{name}: {value}" for name, value in orders.headers.items()]
        body = orders.body.encode()
        self._request = "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body
        self._marker = MARKER.encode()
        self._numbers = count(secrets.randbits(24) << 8)
        self._left = orders.connections
        self._until = time.perf_counter() + orders.seconds
        self.seconds: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.finished = asyncio.Event()

    def request(self) -> bytes:
        return self._request.replace(self._marker, f"{next(self._numbers):08x}".encode())

    def is_over(self) -> bool:
        return time.perf_counter() >= self._until

    def answered(self, status: str, seconds: float) -> None:
        self.statuses[status] += 1
        self.seconds.append(seconds)

    def ended(self) -> None:
        self._left -= 1
        if not self._left:
            self.finished.set()


async def carry_out(orders: Orders) -> Outcome:
    run = Run(orders)
    started = time.perf_counter()
    loop = asyncio.get_running_loop()
    for _ in range(orders.connections):
        await loop.create_connection(lambda: Connection(run), "127.0.0.1", orders.port)
    await run.finished.wait()
    took = time.perf_counter() - started
    cuts = quantiles(run.seconds, n=100) if len(run.seconds) > 1 else [0.0] * 99
    return Outcome(len(run.seconds), took, cuts[49] * 1000, cuts[98] * 1000, dict(run.statuses))


def main() -> None:
    orders = Orders(**json.load(sys.stdin))
    print(json.dumps(asdict(uvloop.run(carry_out(orders)))))


if __name__ == "__main__":
    main()
