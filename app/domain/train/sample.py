"""The records that a model is trained on: a bounded sample of those that are there, opened a chunk at a time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.core.crypto.keyring import Keyring
from app.core.errors import Refused
from app.core.sql import Queries, Tx
from app.domain import models, policies, source_records
from app.domain.matching import SHARED
from app.domain.pipeline import locks
from app.domain.pipeline.region import usable
from app.domain.source_records import SourceRecord
from app.domain.tokens import token
from app.identity.identifier import Identifier
from app.identity.matching.features import Features
from app.identity.policy import Policy

LEAST = 100
"""Records below which there is nothing to learn."""
CHUNK = 1_000

Told = Callable[[int, int | None], None]
"""Told how many are done, of how many."""

_training = Queries("training")


@dataclass(frozen=True, slots=True)
class Drawn:
    """One record of the sample. `accounts` are its identifiers that link by themselves: numbers and accounts, none
    that a household shares and none that too many records carry."""

    id: int
    features: Features
    accounts: frozenset[Identifier]
    source_id: int
    one_per_person: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """Records in the order in which they were drawn, of `live` that there are; `decided` by their places here, the
    smaller first: whether somebody has said that they are one person."""

    records: Sequence[Drawn]
    live: int
    policy: Policy
    decided: Mapping[tuple[int, int], bool]


async def draw(tx: Tx, keyring: Keyring, many: int, told: Told = lambda *_: None) -> Sample:
    """Draw at most `many` of the workspace's live records. Raises Refused where there are too few to learn from."""
    live = int(await _training.value(tx, "live"))
    if live < LEAST:
        raise Refused(f"There are {live} records; a model is trained on {LEAST} at least. Send more, then train.")
    policy = await policies.in_force(tx, keyring)
    ids = [row["id"] for row in await _training.rows(tx, "drawn", many=many)]
    found: list[Drawn] = []
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        held = await source_records.by_ids(tx, keyring, chunk)
        found += await _opened(tx, keyring, policy, [held[id] for id in chunk if id in held and held[id].founds])
        told(start + len(chunk), len(ids))
    places = {record.id: place for place, record in enumerate(found)}
    rows = await _training.rows(tx, "decided", ids=list(places))
    decided = {}
    for row in rows:
        a, b = sorted((places[row["a"]], places[row["b"]]))
        decided[a, b] = row["verdict"] == "same"
    return Sample(found, live, policy, decided)


async def _opened(tx: Tx, keyring: Keyring, policy: Policy, records: Iterable[SourceRecord]) -> list[Drawn]:
    held = [(record, usable(record.state, policy)) for record in records]
    accounts = {i: token(keyring, i) for _, carried in held for i in carried if i.namespace not in SHARED}
    caps = {accounts[i]: policy.rule(i.namespace).max_records for i in accounts}
    carried_by = await locks.counts(tx, caps)
    linking = {i for i, each in accounts.items() if carried_by[each] <= caps[each]}
    return [
        Drawn(
            record.id,
            models.compared(record.state, carried),
            carried & linking,
            record.source.id,
            record.source.one_per_person,
        )
        for record, carried in held
    ]
