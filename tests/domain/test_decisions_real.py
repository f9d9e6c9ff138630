"""Merges and splits of customers of a real-looking data set: exact, kept, and part of what the log says."""

import asyncio
import contextlib
import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.core.errors import NotFound, Refused
from app.core.runtime import Runtime
from app.domain import decide
from app.domain.contention import retried
from app.domain.decide import DecidedOtherwise, Ruling
from app.domain.golden import Content
from app.domain.pipeline.refresh import refresh
from app.domain.profiles import RecordName
from app.domain.replay import verify
from tests.make import Message, Tenant, record, tenant
from tests.properties.snapshot import snapshot

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "er"
if not (DATA / "cdp_dev.csv").exists():
    pytest.skip(f"no data sets at {DATA}", allow_module_level=True)
PEOPLE = 120
ACTS = 24
TRAITS = {"first_name": "first_name", "last_name": "last_name", "dob": "birthday", "email": "email", "phone": "phone"}


def customers() -> list[Message]:
    """The records of the first people who have several, as their systems send them."""
    with (DATA / "cdp_dev_truth.csv").open(encoding="utf-8", newline="") as file:
        people: dict[str, list[str]] = defaultdict(list)
        for row in csv.DictReader(file):
            people[row["cluster"]].append(row["id"])
    several = [ids for ids in people.values() if len(ids) > 1][:PEOPLE]
    wanted = {id for ids in several for id in ids}
    with (DATA / "cdp_dev.csv").open(encoding="utf-8", newline="") as file:
        return [_sent(n, row) for n, row in enumerate(csv.DictReader(file)) if row["id"] in wanted]


def _sent(at: int, row: Mapping[str, str]) -> Message:
    traits = {trait: row[column] for column, trait in TRAITS.items() if row[column]}
    devices = [("device_id", row["device_id"])] if row["device_id"] else []
    return record(row["id"], traits, devices, source=row["source"], at=at)


@dataclass(frozen=True, slots=True)
class Shop:
    """A workspace with these customers."""

    tenant: Tenant

    async def merge(self, one: int, other: int) -> Ruling:
        async with self.tenant.rt.begin(self.tenant.id) as tx:
            now = self.tenant.rt.now()
            return await decide.merge(tx, self.tenant.keyring, one, other, by="ann", now=now, reason="a look at both")

    async def split(self, id: int, records: Sequence[RecordName]) -> Ruling:
        async with self.tenant.rt.begin(self.tenant.id) as tx:
            return await decide.split(tx, self.tenant.keyring, id, records, by="ann", now=self.tenant.rt.now())

    async def take_back(self, ruling: Ruling) -> None:
        async with self.tenant.rt.begin(self.tenant.id) as tx:
            id, now = ruling.decisions[0].id, self.tenant.rt.now()
            await decide.revoke(tx, self.tenant.keyring, id, by="bob", now=now, whole=True)

    async def profiles(self) -> dict[int, Content]:
        return {id: profile.content for id, profile in (await snapshot(self.tenant)).live.items()}

    async def everything(self) -> Any:
        """All that decisions can touch, but for version numbers: profiles, where records are, links, reviews."""
        held = await snapshot(self.tenant)
        reviews = await self.tenant.rows("SELECT * FROM reviews WHERE workspace_id = :workspace_id ORDER BY a, b")
        places = {id: (each.profile_id, each.component_id) for id, each in held.records.items()}
        return {id: each.content for id, each in held.live.items()}, places, held.links, reviews

    async def rerun(self) -> None:
        """Derive everybody again, as after a change of the rules."""
        position, many = 0, 1
        while many:
            async with self.tenant.rt.begin(self.tenant.id) as tx:
                position, many = await refresh(tx, self.tenant.keyring, position, many=100, now=self.tenant.rt.now())

    async def differences(self) -> Mapping[str, int]:
        async with self.tenant.rt.begin(self.tenant.id) as tx:
            return dict((await verify(self.tenant.rt.key_service, tx)).found)


@pytest.fixture
async def shop(rt: Runtime) -> Shop:
    messages = customers()
    assert len(messages) > 2 * PEOPLE
    held = await tenant(rt, priorities={name: n for n, name in enumerate(sorted({m.source for m in messages}))})
    await held.take(messages)
    return Shop(held)


async def act(shop: Shop, rng: Random) -> Ruling | None:
    """One merge or split that somebody might make; None where a decision stands against it."""
    held = await snapshot(shop.tenant)
    members = {id: sorted(records) for id, records in held.members.items()}
    if rng.random() < 0.5:
        id = rng.choice([id for id, records in members.items() if len(records) > 1])
        going = rng.sample(members[id], rng.randint(1, len(members[id]) - 1))
        return await shop.split(id, [RecordName(*held.records[each].name) for each in going])
    try:
        return await shop.merge(*rng.sample(sorted(members), 2))
    except DecidedOtherwise:
        return None


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_is_merged_and_split_is_taken_back_to_the_last_bit(shop: Shop, seed: int) -> None:
    rng = Random(seed)
    before = await shop.everything()
    acts = [ruling for _ in range(ACTS) if (ruling := await act(shop, rng)) is not None]
    decided = await shop.everything()
    assert decided[0] != before[0]
    assert sum(bool(ruling.exposure.spans) for ruling in acts) > ACTS // 4
    assert await shop.differences() == {}, "decisions are part of what the log says"
    await shop.rerun()
    assert await shop.everything() == decided, "a re-run derives the same people"
    rng.shuffle(acts)
    for ruling in acts:
        await shop.take_back(ruling)
    assert await shop.everything() == before
    assert await shop.differences() == {}


async def test_a_split_outlives_new_words_of_every_record(shop: Shop) -> None:
    held = await snapshot(shop.tenant)
    id, members = max(held.members.items(), key=lambda each: (len(each[1]), each[0]))
    names = sorted(held.records[each].name for each in members)
    going, staying = names[::2], names[1::2]
    await shop.split(id, [RecordName(*name) for name in going])
    shared = [("card", "one for all")]
    await shop.tenant.take([record(key, {"title": "x"}, shared, source=source, at=90_000) for source, key in names])
    after = await snapshot(shop.tenant)
    home = {each.name: each.profile_id for each in after.records.values()}
    assert {home[name] for name in going}.isdisjoint({home[name] for name in staying})
    with pytest.raises(Refused):
        await shop.split(home[going[0]] or 0, [RecordName(*name) for name in staying])
    assert await shop.differences() == {}


async def test_people_decide_while_records_arrive(rt: Runtime) -> None:
    """Reviewers and workers at once; what comes of it is what verification derives from the log and the decisions."""
    messages = customers()
    held = await tenant(rt, priorities={name: n for n, name in enumerate(sorted({m.source for m in messages}))})
    shop = Shop(held)
    await held.take(messages[::2])
    await held.append(messages[1::2])
    made: list[Ruling] = []

    async def decides(seed: int) -> None:
        rng = Random(seed)
        for _ in range(ACTS):
            with contextlib.suppress(Refused, NotFound):
                if made and rng.random() < 0.3:
                    await retried(partial(shop.take_back, rng.choice(made)))
                elif (ruling := await retried(partial(act, shop, rng))) is not None:
                    made.append(ruling)

    async def works() -> int:
        return await held.processor(batch_size=7).drain(held.id)

    await asyncio.gather(works(), works(), *(decides(seed) for seed in range(3)))
    assert await shop.differences() == {}
    async with rt.begin(held.id) as tx:
        stands = await tx.conn.fetchval("SELECT count(*) FROM decisions WHERE revoked_at IS NULL")
    assert stands > 0
    assert len(made) > ACTS
