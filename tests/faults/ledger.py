"""An outside client that keeps a book: what it sent, and what it was told is safe.

`python -m tests.faults.ledger` reads an `Order` as JSON from its standard input, sends
events and records over several connections, repeats what was not acknowledged under
the same id until it is, and writes every step down. It knows the product by its HTTP
interface alone, so what it believes can be held against what the product holds.
"""

import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, TextIO

import httpx2
import orjson

DAWN = datetime(2026, 1, 1, tzinfo=UTC)
EVENTS, RECORDS = "web", "crm"
PATIENCE = 15.0
"""Seconds that the client waits for an answer before it takes it for lost."""

LONGEST_PAUSE = 1.0
MAX_TOGETHER = 40


@dataclass(frozen=True, slots=True)
class Order:
    """What to send: `messages` messages about `people` people, `rate` a second (0: as fast as answers come)."""

    base_url: str
    write_key: str
    token: str
    book: str
    name: str = "m"
    messages: int = 1000
    people: int = 200
    connections: int = 6
    rate: float = 0.0

    def person(self, number: int) -> int:
        return random.Random(f"{self.name}{number}").randrange(self.people)

    def is_record(self, number: int) -> bool:
        return number % 4 == 0

    def id(self, number: int) -> str:
        return f"{self.name}-{number}"

    def user(self, person: int) -> str:
        return f"{self.name}-p{person}"

    def message(self, number: int) -> dict[str, Any]:
        """The message of a number: the same words whenever it is sent. A later number is a later time."""
        at = (DAWN + timedelta(milliseconds=number)).isoformat()
        user = self.user(self.person(number))
        if self.is_record(number):
            return {
                "message_id": self.id(number),
                "key": user,
                "traits": {"level": number},
                "identifiers": [{"namespace": "user_id", "value": user}],
                "observed_at": at,
            }
        kind = (
            {"type": "identify", "traits": {"step": number}} if number % 4 == 1 else {"type": "track", "event": "Tick"}
        )
        return {"messageId": self.id(number), "userId": user, "timestamp": at, **kind}


@dataclass(slots=True)
class Book:
    """What the client wrote down. Times are `time.monotonic()`, which all processes of a machine share."""

    sent: set[int] = field(default_factory=set)
    acknowledged: dict[int, float] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)
    slowest: float = 0.0
    finished: bool = False

    @classmethod
    def read(cls, path: Path) -> "Book":
        book = cls()
        for line in path.read_text().splitlines():
            word, _, rest = line.partition(" ")
            if word == "sent":
                book.sent.update(map(int, rest.split(",")))
            elif word == "ack":
                at, _, numbers = rest.partition(" ")
                book.acknowledged.update(dict.fromkeys(map(int, numbers.split(",")), float(at)))
            elif word == "answer":
                what, _, seconds = rest.partition(" ")
                book.answers[what] += 1
                book.slowest = max(book.slowest, float(seconds))
            elif word == "bad":
                book.bad.append(rest)
            elif word == "end":
                book.finished = True
        return book

    @property
    def unknown(self) -> set[int]:
        """Sent, and never told whether it is safe."""
        return self.sent - self.acknowledged.keys()

    def longest_silence(self) -> float:
        """The longest time, in seconds, without any acknowledgement while something was under way."""
        times = sorted(self.acknowledged.values())
        return max((after - before for before, after in pairwise(times)), default=0.0)


class Client:
    """Several connections that share one queue of numbers and one book."""

    def __init__(self, order: Order, book: TextIO) -> None:
        self.order = order
        self.book = book
        self._began = time.monotonic()
        self._numbers = self._turns()

    async def run(self) -> None:
        limits = httpx2.Limits(max_connections=self.order.connections)
        async with httpx2.AsyncClient(base_url=self.order.base_url, timeout=PATIENCE, limits=limits) as http:
            await asyncio.gather(*(self._work(http, random.Random(seat)) for seat in range(self.order.connections)))
        self._write("end")

    def _turns(self) -> Iterator[list[int]]:
        """Numbers that leave together: all of one kind, at most MAX_TOGETHER."""
        rng = random.Random(self.order.name)
        at = 0
        while at < self.order.messages:
            many = rng.choice((1, 1, 5, MAX_TOGETHER))
            span = range(at, min(at + many, self.order.messages))
            for kind in (True, False):
                if part := [number for number in span if self.order.is_record(number) is kind]:
                    yield part
            at += many

    async def _work(self, http: httpx2.AsyncClient, rng: random.Random) -> None:
        for numbers in self._numbers:
            if self.order.rate:
                await asyncio.sleep(max(0.0, self._began + numbers[0] / self.order.rate - time.monotonic()))
            self._write(f"sent {_listed(numbers)}")
            attempt = 0
            while not await self._once(http, numbers):
                attempt += 1
                await asyncio.sleep(min(LONGEST_PAUSE, 0.02 * 2**attempt) * (0.5 + rng.random()))

    async def _once(self, http: httpx2.AsyncClient, numbers: list[int]) -> bool:
        """Send once; whether that settles it."""
        said = [self.order.message(number) for number in numbers]
        began = time.monotonic()
        try:
            if self.order.is_record(numbers[0]):
                answer = await http.post(
                    f"/v1/sources/{RECORDS}/records",
                    content=orjson.dumps(said),
                    headers={"Authorization": f"Bearer {self.order.token}"},
                )
            else:
                answer = await http.post(
                    "/v1/batch", content=orjson.dumps({"batch": said}), auth=(self.order.write_key, "")
                )
        except httpx2.HTTPError as error:
            self._write(f"answer {type(error).__name__} {time.monotonic() - began:.3f}")
            return False
        now = time.monotonic()
        self._write(f"answer {answer.status_code} {now - began:.3f}")
        if answer.is_success:
            if _took_all(answer, len(numbers)):
                self._write(f"ack {now:.4f} {_listed(numbers)}")
            else:
                self._write(f"bad {answer.status_code} {answer.text[:300]!r}")
            return True
        if answer.status_code in (429, 503) and "retry-after" in answer.headers:
            return False
        self._write(f"bad {answer.status_code} {answer.text[:300]!r}")
        return True

    def _write(self, line: str) -> None:
        self.book.write(line + "\n")
        self.book.flush()


def _took_all(answer: httpx2.Response, many: int) -> bool:
    said = answer.json()
    return said.get("success") is True or said.get("accepted", 0) + said.get("duplicates", 0) == many


def _listed(numbers: list[int]) -> str:
    return ",".join(map(str, numbers))


class Load:
    """The client as a process of its own, and its book as it grows."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.path = Path(order.book)
        self.path.touch()
        self.process = Popen([sys.executable, "-m", "tests.faults.ledger"], stdin=PIPE)
        assert self.process.stdin is not None
        self.process.stdin.write(orjson.dumps(asdict(order)))
        self.process.stdin.close()

    @property
    def is_over(self) -> bool:
        return self.process.poll() is not None

    def read(self) -> Book:
        return Book.read(self.path)

    def finish(self, seconds: float) -> Book:
        """Wait until everything sent was acknowledged."""
        code = self.process.wait(seconds)
        book = self.read()
        assert code == 0, book.bad[:3]
        assert book.finished
        return book

    def stop(self) -> None:
        if not self.is_over:
            self.process.kill()
            self.process.wait()


@contextmanager
def sending(order: Order) -> Iterator[Load]:
    """The client at work; killed with the block if it has not ended."""
    load = Load(order)
    try:
        yield load
    finally:
        load.stop()


def main() -> None:
    order = Order(**orjson.loads(sys.stdin.buffer.read()))
    with Path(order.book).open("a") as book:
        asyncio.run(Client(order, book).run())


if __name__ == "__main__":
    main()
