"""Keys rotate under everything that is sealed: every blob opens before, meanwhile and afterwards."""

import asyncio
from collections import Counter
from dataclasses import dataclass

import pytest

from app.core.crypto.keyring import Keyring, UnknownKey, key_id_of
from app.core.errors import Fault
from app.core.runtime import Runtime
from app.domain import decide, ingest_log, keys, models, policies, quarantine, reseal, rotation, sources
from app.domain.deliveries import Kind
from app.domain.event_ingest import Arrival, Sender, write
from app.domain.profiles import RecordName
from app.domain.quarantine import Rejected
from app.domain.rotation import Rotation
from app.domain.sealed import TABLES, SealedTable
from app.identity.matching.shipped import shipped
from app.identity.policy import Policy
from tests.make import Tenant, event, record, tenant

AT_ONCE = 0.0
"""Nobody else works in these workspaces, so nobody else's keyring is waited for."""


async def keyring_of(one: Tenant) -> Keyring:
    async with one.rt.begin(one.id) as tx:
        return await keys.load(one.rt.key_service, tx)


async def everything_sealed(rt: Runtime) -> Tenant:
    """A workspace with at least one blob in every sealed column."""
    one = await tenant(rt)
    await one.take([record(str(n), {"email": f"p{n}@mail.example", "first_name": "Ann"}, at=n) for n in range(20)])
    await one.take([record("0", {"first_name": "Anna"}, at=30), event(type="identify", userId="7", traits={"a": 1})])
    fault = Fault("", "not_an_object", "An event is a JSON object.")
    async with rt.begin(one.id) as tx:
        rejected = [Rejected(one.sources["web"].id, "event", fault, b'{"message":1}') for _ in range(2)]
        aside = await quarantine.set_aside(tx, one.keyring, rejected, now=rt.now())
        await quarantine.discard(tx, one.keyring, aside[0], "A test.", now=rt.now())
        await sources.write_key(tx, one.keyring, one.sources["web"])
        ann, bob = RecordName("crm", "1"), RecordName("crm", "2")
        await decide.decide(tx, one.keyring, "different", ann, bob, by="ann", now=rt.now(), reason="A test.")
        await models.add(tx, one.keyring, shipped(), now=rt.now())
        await policies.store(tx, one.keyring, 2, Policy(blocked_values={"email": frozenset({"x@y.z"})}), now=rt.now())
        piece = one.keyring.seal(b"a,b\n", "import_chunks", "body", "2/0")
        await tx.conn.execute(
            "INSERT INTO import_chunks (workspace_id, import_id, number, body) VALUES ($1, 2, 0, $2)", one.id, piece
        )
    return one


@dataclass(frozen=True)
class Blob:
    table: SealedTable
    column: str
    key_id: int
    plain: bytes


async def opened(one: Tenant, keyring: Keyring) -> list[Blob]:
    """Every blob of a workspace, opened in its place."""
    found = []
    for table in TABLES:
        order = ", ".join(table.key)
        for row in await one.rows(f"SELECT * FROM {table.name} WHERE workspace_id = :workspace_id ORDER BY {order}"):
            for column in table.columns:
                if (blob := row[column]) is not None:
                    plain = keyring.open(blob, table.name, column, table.place(row))
                    found.append(Blob(table, column, key_id_of(blob), plain))
    return found


def plains(blobs: list[Blob]) -> list[tuple[str, str, bytes]]:
    return [(blob.table.name, blob.column, blob.plain) for blob in blobs]


async def test_a_rotation_seals_every_blob_anew_and_deletes_the_old_key(rt: Runtime) -> None:
    one = await everything_sealed(rt)
    before = await opened(one, one.keyring)
    assert {(b.table.name, b.column) for b in before} == {(t.name, c) for t in TABLES for c in t.columns}
    told: list[int] = []
    (done,) = await rotation.rotate(rt, [one.id], told.append, fresh=AT_ONCE)
    assert done == Rotation(one.id, 2, resumed=False, activated=True, resealed=sum(told), damaged={}, done=True)
    after = await opened(one, await keyring_of(one))
    assert plains(after) == plains(before)
    assert {blob.key_id for blob in after} == {2}
    async with rt.begin(one.id) as tx:
        listed = await rotation.listed(tx)
    assert [(key.id, key.active, key.blobs) for key in listed] == [(0, True, None), (2, True, len(after))]


async def test_a_rotation_after_a_rotation_is_a_new_one(rt: Runtime) -> None:
    one = await everything_sealed(rt)
    for key_id in (2, 3):
        (done,) = await rotation.rotate(rt, [one.id], fresh=AT_ONCE)
        assert (done.key_id, done.resumed, done.done) == (key_id, False, True)
    assert {blob.key_id for blob in await opened(one, await keyring_of(one))} == {3}


async def test_an_announced_key_is_known_before_anything_is_sealed_under_it(rt: Runtime) -> None:
    one = await everything_sealed(rt)
    await rotation.announce(rt, one.id)
    early = await keyring_of(one)
    assert early.active == 1
    (done,) = await rotation.rotate(rt, [one.id], fresh=AT_ONCE)
    assert done.resumed
    assert await opened(one, early), "who loaded its keys between the two opens what is sealed under the new one"
    with pytest.raises(UnknownKey):
        await opened(one, one.keyring)


async def test_what_is_sealed_under_the_old_key_meanwhile_is_sealed_anew_before_that_key_goes(rt: Runtime) -> None:
    one = await everything_sealed(rt)
    going = await rotation.announce(rt, one.id)
    await rotation.activate(rt, going)
    await rotation.walk(rt, going, lambda _rows: None)
    late = await one.take([record("late", {"first_name": "Late"})])
    assert late
    names = Counter(blob.key_id for blob in await opened(one, await keyring_of(one)))
    assert names[1] >= 1, "this test needs a writer that had not heard of the new key"
    (done,) = await rotation.rotate(rt, [one.id], fresh=AT_ONCE)
    assert done.done
    assert {blob.key_id for blob in await opened(one, await keyring_of(one))} == {2}


async def test_a_transaction_that_may_have_the_old_key_at_hand_is_waited_for(rt: Runtime) -> None:
    one = await everything_sealed(rt)
    async with rt.begin(one.id) as tx:
        rotating = asyncio.create_task(rotation.rotate(rt, [one.id], fresh=AT_ONCE))
        await asyncio.sleep(0.5)
        assert not rotating.done()
        message = ingest_log.seal(one.keyring, "slow", one.sources["crm"].id, Kind.RECORD, b"{}", rt.now())
        await ingest_log.append(tx, [message])
    (done,) = await rotating
    assert done.done
    assert {blob.key_id for blob in await opened(one, await keyring_of(one))} == {2}


async def test_rows_that_others_hold_are_passed_over_and_sealed_later(rt: Runtime) -> None:
    one = await everything_sealed(rt)
    going = await rotation.announce(rt, one.id)
    await rotation.activate(rt, going)
    async with rt.begin(one.id) as tx:
        await tx.conn.fetch("SELECT FROM profiles WHERE workspace_id = $1 FOR UPDATE", one.id)
        await asyncio.wait_for(rotation.walk(rt, going, lambda _rows: None), 5)
    blobs = await opened(one, await keyring_of(one))
    assert {blob.key_id for blob in blobs if blob.table.name == "profiles"} == {1}
    assert {blob.key_id for blob in blobs if blob.table.name != "profiles"} == {2}
    (done,) = await rotation.rotate(rt, [one.id], fresh=AT_ONCE)
    assert done.done


async def test_a_walk_goes_on_where_it_stopped(rt: Runtime) -> None:
    one = await everything_sealed(rt)
    going = await rotation.announce(rt, one.id)
    await rotation.activate(rt, going)
    log = next(table for table in TABLES if table.name == "ingest_log")
    ids = [
        row["id"] for row in await one.rows("SELECT id FROM ingest_log WHERE workspace_id = :workspace_id ORDER BY 1")
    ]
    await one.rows(
        "UPDATE key_rotations SET position = :position"
        " WHERE workspace_id = :workspace_id AND table_name = 'ingest_log'",
        position=[ids[9]],
    )
    await rotation.walk(rt, going, lambda _rows: None)
    async with rt.begin(one.id) as tx:
        assert await reseal.blobs(tx, log) == {1: 10, 2: len(ids) - 10}


async def test_a_batch_is_bounded_in_bytes_but_takes_at_least_one_row(rt: Runtime) -> None:
    one = await tenant(rt)
    large = "x" * (reseal.BATCH_BYTES // 2 + 1000)
    await one.append([record(str(n), {"about": large}) for n in range(3)])
    going = await rotation.announce(rt, one.id)
    await rotation.activate(rt, going)
    log = next(table for table in TABLES if table.name == "ingest_log")
    position, sizes = None, []
    while True:
        async with rt.begin(one.id) as tx:
            done = await reseal.batch(tx, await keys.load(rt.key_service, tx), log, position)
        if (position := done.position) is None:
            break
        sizes.append(done.resealed)
    assert sizes == [1, 1, 1]


async def test_a_damaged_blob_is_named_and_keeps_the_old_key(rt: Runtime) -> None:
    one = await everything_sealed(rt)
    (first,) = await one.rows("SELECT min(id) AS id FROM profiles WHERE workspace_id = :workspace_id")
    await one.rows(
        "UPDATE profiles SET proof = set_byte(proof, 40, get_byte(proof, 40) # 1)"
        " WHERE workspace_id = :workspace_id AND id = :id",
        id=first["id"],
    )
    (done,) = await rotation.rotate(rt, [one.id], fresh=AT_ONCE)
    assert (done.done, done.damaged) == (False, {"profiles": [[first["id"]]]})
    async with rt.begin(one.id) as tx:
        listed = {key.id: key.blobs for key in await rotation.listed(tx)}
    assert listed[1] == 2


async def test_two_rotations_of_one_workspace_at_once_are_one(rt: Runtime) -> None:
    one = await everything_sealed(rt)
    both = await asyncio.gather(*(rotation.rotate(rt, [one.id], fresh=0.2) for _ in range(2)))
    assert {each.key_id for (each,) in both} == {2}
    assert {blob.key_id for blob in await opened(one, await keyring_of(one))} == {2}


async def test_events_that_waited_while_their_key_went_are_sealed_anew(rt: Runtime) -> None:
    """A request seals what it brings with the keys that its sender is remembered with; its commit may come later."""
    one = await tenant(rt)
    arrival = Arrival(Sender(one.id, one.sources["web"].id, one.keyring), rt.now())
    token, body = ingest_log.message_token(one.keyring, "m"), b'{"message":{"a":1}}'
    arrival.parcel.tokens.append(token)
    arrival.parcel.bodies += ingest_log.sealed(one.keyring, [token], [body])
    await rotation.rotate(rt, [one.id], fresh=AT_ONCE)
    fresh = await keyring_of(one)
    # A transaction may fail for another request's sake; then each is tried alone.
    for ending in ("ROLLBACK TO SAVEPOINT tried", "RELEASE SAVEPOINT tried"):
        async with rt.begin(one.id) as tx:
            await tx.conn.execute("SAVEPOINT tried")
            await write(tx, [arrival], now=rt.now(), keyring=fresh)
            await tx.conn.execute(ending)
    (blob,) = await opened(one, fresh)
    assert blob.plain == b'{"message":{"a":1}}'
