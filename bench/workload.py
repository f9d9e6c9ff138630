"""What the benchmarks send: events, and records of 12 traits and 3 identifiers.

The pipeline's workload is 30 % new people, 50 % updates (skewed: a tenth of the people
get almost half of them), 10 % records that merge two people, 10 % repetitions. It is a
function of its seed, so every candidate works off the same.
"""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

DAWN = datetime(2026, 1, 1, tzinfo=UTC)
NEW, UPDATE, MERGE = 0.3, 0.8, 0.9
"""Upper bounds of a draw from 0 to 1; what is above them is a repetition."""

FIRST = ("Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Katherine", "Claude", "Radia", "Ken")
LAST = ("Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Knuth", "Johnson", "Shannon", "Perlman", "Thompson")
CITIES = ("Leeds", "Berlin", "Lyon", "Porto", "Utrecht", "Graz", "Aarhus", "Bergen", "Turku", "Gent")
PLANS = ("free", "plus", "pro")


@dataclass(frozen=True, slots=True)
class Saying:
    """One record as its source says it at an instant. `identifiers` are those beside e-mail address and telephone."""

    key: str
    traits: Mapping[str, Any]
    identifiers: Mapping[str, str]
    at: datetime

    def item(self) -> dict[str, Any]:
        """As an item of a record ingest."""
        return {
            "key": self.key,
            "traits": self.traits,
            "identifiers": [{"namespace": name, "value": value} for name, value in self.identifiers.items()],
            "observed_at": self.at.isoformat(),
        }


def person(number: int, *, turn: int = 0, email: int | None = None, phone: int | None = None) -> dict[str, Any]:
    """The 12 traits of a person; `turn` changes some, `email` and `phone` may be another person's.

    2n and 2n + 1 have one name and birthday: they are the two that a later record merges, against no veto.
    """
    mailbox = number if email is None else email
    who = number // 2
    return {
        "email": f"person{mailbox}@mail{mailbox % 7}.example",
        "phone": f"+4930{10_000_000 + (number if phone is None else phone)}",
        "first_name": FIRST[who % 10],
        "last_name": LAST[who // 10 % 10],
        "birthday": f"{1950 + who % 55}-{1 + who % 12:02}-{1 + who % 28:02}",
        "city": CITIES[(number + turn) % 10],
        "country": "DE",
        "company": f"Company {number % 1000}",
        "title": "Engineer" if turn % 2 else "Senior Engineer",
        "plan": PLANS[(number + turn) % 3],
        "created_at": "2025-06-01T12:00:00Z",
        "lifetime_value": number % 500 + turn,
    }


class Workload:
    """An endless stream of sayings over a population that is resident already."""

    def __init__(self, residents: int, seed: int = 7) -> None:
        self._random = random.Random(seed)
        self._people = residents
        self._pairs = 0
        self._turn = 0
        self._last: list[Saying] = []

    def take(self, many: int) -> list[Saying]:
        return [self._next() for _ in range(many)]

    def _next(self) -> Saying:
        self._turn += 1
        at = DAWN + timedelta(days=30, milliseconds=self._turn)
        draw = self._random.random()
        if draw >= MERGE and self._last:
            return self._random.choice(self._last)
        if draw < NEW:
            made = resident(self._people, at)
            self._people += 1
        elif draw < UPDATE:
            number = int(self._people * self._random.random() ** 3)
            made = Saying(f"k{number}", person(number, turn=self._turn), {"loyalty_card": f"c{number}"}, at)
        else:
            made = self._merging(at)
        self._last = [*self._last[-99:], made]
        return made

    def _merging(self, at: datetime) -> Saying:
        """A record that has one person's address and another one's telephone; each pair meets once."""
        one = self._pairs * 2 % (self._people // 2 * 2)
        self._pairs += 1
        number = 10_000_000 + self._pairs
        traits = person(one, email=one, phone=one + 1)
        return Saying(f"m{number}", traits, {"loyalty_card": f"c{number}"}, at)


def resident(number: int, at: datetime = DAWN) -> Saying:
    """A person as first heard of."""
    return Saying(f"k{number}", person(number), {"loyalty_card": f"c{number}"}, at)


def residents(many: int, chunk: int = 1000) -> Iterator[list[Saying]]:
    """The population before the workload begins."""
    for start in range(0, many, chunk):
        yield [resident(number) for number in range(start, min(start + chunk, many))]


def record_text(key: str) -> str:
    """One record as JSON; `key` makes it and its identifiers its own."""
    traits = {**person(1), "email": f"{key}@mail.example", "company": f"Company {key}"}
    said = {
        "key": key,
        "traits": traits,
        "identifiers": [{"namespace": "loyalty_card", "value": f"c{key}"}],
        "observed_at": "2026-01-02T03:04:05Z",
    }
    return json.dumps(said, separators=(",", ":"))


def event_text(id: str) -> str:
    """One event as an SDK sends it, about 400 bytes."""
    said = {
        "type": "track",
        "event": "Order Completed",
        "messageId": id,
        "userId": f"u{id}",
        "timestamp": "2026-01-02T03:04:05.678Z",
        "properties": {"order_id": id, "total": 39.95, "currency": "EUR", "products": [{"sku": "A-1", "quantity": 2}]},
        "context": {
            "library": {"name": "analytics-python", "version": "2.3.4"},
            "traits": {"plan": "pro"},
            "page": {"path": "/checkout", "title": "Checkout"},
        },
    }
    return json.dumps(said, separators=(",", ":"))
