"""What a source declares holds for what it sends from then on: what it sent before is read as it was."""

from dataclasses import replace
from typing import Any

import pytest

from app.core.errors import Refused
from app.core.runtime import Runtime
from app.domain import sources
from app.domain.claims import RecordState
from app.domain.normalize import Declarations
from app.domain.replay import Findings, verify
from app.domain.sources import MAX_EARLIER
from tests.make import Message, Tenant, record, tenant

FRENCH = Declarations(region="FR", zone="Europe/Paris", day_first=True)
AMERICAN = Declarations(region="US", zone="America/New_York", day_first=False)


async def declare(one: Tenant, declared: Declarations) -> None:
    async with one.rt.begin(one.id) as tx:
        held = await sources.by_name(tx, "crm")
        await sources.declare(tx, replace(held, declared=declared), now=one.rt.now())


async def verified(one: Tenant) -> Findings:
    async with one.rt.begin(one.id) as tx:
        return await verify(one.rt.key_service, tx)


def ambiguous(key: str) -> Message:
    """A record that says something else to a Frenchman than to an American, in its time, its date and its number."""
    traits = {"birthday": "03/04/1990", "phone": "06 12 34 56 78", "email": f"p{key}@mail.example"}
    said = {"key": key, "traits": traits, "observed_at": "2026-03-01T08:00:00"}
    return replace(record(key), said=said)


async def births(one: Tenant) -> dict[str, Any]:
    """Key to what is known of the record."""
    async with one.rt.begin(one.id) as tx:
        rows = await tx.conn.fetch("SELECT id, state FROM source_records ORDER BY id")
    states = [RecordState.load(one.keyring.open(row["state"], "source_records", "state", row["id"])) for row in rows]
    return {state.key: (state.born, state.claims().get("birthday", (0, None))[1]) for state in states}


async def test_what_was_read_before_a_change_is_no_difference_after_it(rt: Runtime) -> None:
    one = await tenant(rt)
    await declare(one, FRENCH)
    await one.take([ambiguous("1")])
    await declare(one, AMERICAN)
    found = await verified(one)
    assert (found.first, found.older_rules) == ([], 0)


async def test_each_message_is_read_under_what_was_declared_when_it_was_accepted(rt: Runtime) -> None:
    one = await tenant(rt)
    for number, declared in enumerate((FRENCH, AMERICAN, Declarations(zone="UTC"), FRENCH)):
        await declare(one, declared)
        await one.take([ambiguous(str(number))])
    read = await births(one)
    assert [read[key][1] for key in "0123"] == ["1990-04-03", "1990-03-04", None, "1990-04-03"]
    paris, new_york, utc, again = (read[key][0] for key in "0123")
    assert paris == again < utc < new_york
    assert (await verified(one)).first == []


async def test_a_message_that_waits_while_its_source_declares_something_else_is_read_as_it_was_meant(
    rt: Runtime,
) -> None:
    one = await tenant(rt)
    await declare(one, FRENCH)
    await one.append([ambiguous("1")])
    await declare(one, AMERICAN)
    await one.processor().drain(one.id)
    assert (await births(one))["1"][1] == "1990-04-03"
    assert (await verified(one)).first == []


async def test_one_record_may_be_told_of_under_several_declarations(rt: Runtime) -> None:
    one = await tenant(rt)
    for declared, title in ((FRENCH, "a"), (AMERICAN, "b"), (FRENCH, "c")):
        await declare(one, declared)
        said = {**ambiguous("1").said, "observed_at": None}
        await one.take([replace(ambiguous("1"), said={**said, "traits": {**said["traits"], "title": title}})])
    assert (await verified(one)).first == []


async def test_a_change_of_nothing_is_none(rt: Runtime) -> None:
    one = await tenant(rt)
    for _ in range(3):
        await declare(one, FRENCH)
    async with rt.begin(one.id) as tx:
        held = await sources.by_name(tx, "crm")
    assert len(held.earlier) == 1, "from nothing declared to French"


async def test_the_list_of_changes_has_an_end(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.rows(
        "UPDATE sources SET earlier = :earlier WHERE workspace_id = :workspace_id AND name = 'crm'",
        earlier=[{"until": 1, "declared": {}}] * MAX_EARLIER,
    )
    with pytest.raises(Refused):
        await declare(one, FRENCH)
