"""What the product holds, against what the client's book says: nothing lost, nothing invented, nothing twice.

The letters are those of the fault plan: C1 no loss, C2 no invention, C3 conservation,
C4 no double effect, C6 versions without gaps, C8 every record in one live profile.
"""

import asyncio
import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx2

from app.core.errors import Unavailable
from app.core.ids import PublicIds
from app.core.runtime import Runtime
from app.domain import keys
from app.domain.ingest_log import message_token
from app.domain.workspaces import Workspace
from tests.faults.installation import Tenancy
from tests.faults.ledger import Book, Order

GOOD = frozenset(("applied", "duplicate", "quarantined"))
MAX_LOOKUPS = 500
DEATHS_OF_POISON = 3

LOG = """
SELECT l.message_token, f.fate, f.reason, (q.log_id IS NOT NULL) AS waits
  FROM ingest_log l
  LEFT JOIN fates f ON f.workspace_id = l.workspace_id AND f.log_id = l.id
  LEFT JOIN ingest_queue q ON q.workspace_id = l.workspace_id AND q.log_id = l.id
"""
BROKEN_VERSIONS = """
SELECT p.id FROM profiles p LEFT JOIN profile_versions v ON v.workspace_id = p.workspace_id AND v.profile_id = p.id
 GROUP BY p.id, p.version
HAVING count(v.version) <> p.version OR coalesce(min(v.version), 0) <> 1 OR coalesce(max(v.version), 0) <> p.version
"""
STRAY_RECORDS = """
SELECT s.id FROM source_records s LEFT JOIN profiles p ON p.workspace_id = s.workspace_id AND p.id = s.profile_id
 WHERE NOT s.removed AND p.live IS NOT TRUE
"""
EVENTS = """
SELECT s.profile_id, count(*) AS many, count(DISTINCT e.log_id) AS distinct_ids
  FROM events e JOIN source_records s ON s.workspace_id = e.workspace_id AND s.id = e.record_id
 GROUP BY s.profile_id
"""


@dataclass(slots=True)
class Verdict:
    """Everything that is not as it must be, by letter; empty when all is well."""

    faults: dict[str, list[str]] = field(default_factory=dict)
    fates: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    profiles: int = 0

    def find(self, letter: str, what: str) -> None:
        self.faults.setdefault(letter, []).append(what)

    def settled(self, messages: int, *, deaths: int = 0) -> bool:
        """Whether all messages are applied. After three deaths of workers in a row that had it in hand, the last time
        alone, an innocent message is taken for poison: so of `deaths` kills at most every third may set one aside."""
        aside = self.fates["quarantined"]
        return (
            self.fates["applied"] + aside == messages
            and aside <= deaths // DEATHS_OF_POISON
            and self.reasons.keys() <= {"poison"}
        )


class Expected:
    """What the profiles have to say once everything that was sent is in them."""

    def __init__(self, order: Order, numbers: set[int]) -> None:
        self.events: Counter[int] = Counter()
        self.traits: dict[int, dict[str, int]] = {}
        self.records: dict[int, set[str]] = {}
        for number in sorted(numbers):
            person = order.person(number)
            traits = self.traits.setdefault(person, {})
            records = self.records.setdefault(person, set())
            if order.is_record(number):
                traits["level"] = number
                records.add("crm")
                continue
            records.add("web")
            self.events[person] += 1
            if number % 4 == 1:
                traits["step"] = number


async def drained(rt: Runtime, workspace: Workspace, seconds: float) -> float:
    """Wait until nothing waits for the pipeline; return how long that took."""
    began = time.monotonic()
    left = None
    while True:
        with contextlib.suppress(Unavailable):
            async with rt.begin(workspace.id) as tx:
                left = await tx.conn.fetchval("SELECT count(*) FROM ingest_queue")
        if left == 0:
            return time.monotonic() - began
        assert time.monotonic() - began < seconds, f"{left} messages wait after {seconds:.0f} s"
        await asyncio.sleep(0.1)


async def judge(rt: Runtime, tenancy: Tenancy, book: Book) -> Verdict:
    """Hold the product's own rows and its answers over HTTP against the book."""
    workspace, order = tenancy.workspace, tenancy.order
    verdict = Verdict()
    for each in book.bad:
        verdict.find("refused", each)
    async with rt.begin(workspace.id) as tx:
        keyring = await keys.keyring(rt, tx)
        log = {bytes(row["message_token"]): row for row in await tx.conn.fetch(LOG)}
        versions = await tx.conn.fetch(BROKEN_VERSIONS)
        stray = await tx.conn.fetch(STRAY_RECORDS)
        held = {row["profile_id"]: row for row in await tx.conn.fetch(EVENTS)}
        live = await tx.conn.fetchval("SELECT count(*) FROM profiles WHERE live")
    tokens = {message_token(keyring, order.id(number)): number for number in book.sent}
    _no_loss(verdict, log, tokens, book)
    for row in versions:
        verdict.find("C6", f"profile {row['id']}")
    for row in stray:
        verdict.find("C8", f"record {row['id']}")
    for row in held.values():
        if row["many"] != row["distinct_ids"]:
            verdict.find("C4", f"profile {row['profile_id']} has an event twice")
    expected = Expected(
        order, {number for token, number in tokens.items() if token in log and log[token]["fate"] == "applied"}
    )
    if live != len(expected.traits):
        verdict.find("C8", f"{live} live profiles of {len(expected.traits)} people")
    verdict.profiles = live
    events = {id: row["many"] for id, row in held.items()}
    await _no_double_effect(verdict, order, expected, PublicIds(workspace.salt), events)
    return verdict


def _no_loss(verdict: Verdict, log: dict[bytes, Any], tokens: dict[bytes, int], book: Book) -> None:
    found = {number for token, number in tokens.items() if token in log}
    for number in sorted(book.acknowledged.keys() - found):
        verdict.find("C1", f"message {number} was acknowledged and is not there")
    for token in log.keys() - tokens.keys():
        verdict.find("C2", f"{token.hex()} was never sent")
    for token, number in tokens.items():
        row = log.get(token)
        if row is None:
            continue
        verdict.fates[row["fate"] or "pending"] += 1
        if row["reason"]:
            verdict.reasons[row["reason"]] += 1
        if row["fate"] not in GOOD or row["waits"]:
            verdict.find("C3", f"message {number} is {row['fate']}, {'waits' if row['waits'] else 'settled'}")


async def _no_double_effect(
    verdict: Verdict, order: Order, expected: Expected, ids: PublicIds, events: dict[int, int]
) -> None:
    """Each person over HTTP: one profile, its records, the newest value of each trait, as many events as sent."""
    people = sorted(expected.traits)
    headers = {"Authorization": f"Bearer {order.token}"}
    whose: dict[str, int] = {}
    async with httpx2.AsyncClient(base_url=order.base_url, timeout=60, headers=headers) as http:
        for first in range(0, len(people), MAX_LOOKUPS):
            some = people[first : first + MAX_LOOKUPS]
            asked = [{"namespace": "user_id", "value": order.user(person)} for person in some]
            answer = await http.post("/v1/profiles/lookup", json={"lookups": asked})
            assert answer.status_code == 200, answer.text
            for person, profile in zip(some, answer.json()["profiles"], strict=True):
                if profile is None:
                    verdict.find("C8", f"person {person} has no profile")
                    continue
                if whose.setdefault(profile["id"], person) != person:
                    verdict.find("C8", f"persons {whose[profile['id']]} and {person} are one profile")
                _profile(verdict, person, profile, expected)
                has = events.get(ids.decode(profile["id"]) or 0, 0)
                if has != expected.events[person]:
                    verdict.find("C4", f"person {person} has {has} events, {expected.events[person]} were sent")


def _profile(verdict: Verdict, person: int, profile: Any, expected: Expected) -> None:
    for trait, value in expected.traits[person].items():
        if (said := profile["traits"].get(trait)) != value:
            verdict.find("C4", f"person {person}: {trait} is {said}, the newest is {value}")
    sources = sorted(record["source"] for record in profile["records"])
    if sources != sorted(expected.records[person]):
        verdict.find("C8", f"person {person} has the records {sources}")
