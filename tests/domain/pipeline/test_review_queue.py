"""What waits for a person: one pair for two people, and nothing that somebody has said."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from app.domain import policies
from app.identity.policy import Matching, Policy
from app.workers.refresh import refresh_due
from tests.domain.office import Office

ROSE: dict[str, Any] = {"first_name": "Rosalind", "last_name": "Ferguson", "birthday": "1984-03-12", "city": "Leeds"}


async def rules(office: Office, **change: Any) -> Policy:
    """Put the policy in force with a change, and derive everybody again by it."""
    async with office.rt.begin(office.workspace.id) as tx:
        held = await policies.in_force(tx, office.keyring)
        put = await policies.put(tx, office.keyring, held.version, replace(held, **change), now=office.rt.now())
    await refresh_due(office.rt, 1)
    return put


async def queue(office: Office) -> Sequence[Any]:
    async with office.rt.begin(office.workspace.id) as tx:
        sql = "SELECT a, b, kind, refused, score, worth FROM reviews WHERE workspace_id = $1 ORDER BY worth DESC, a, b"
        rows: Sequence[Any] = await tx.conn.fetch(sql, office.workspace.id)
    return rows


@pytest.fixture
async def household(office: Office) -> Office:
    """A mother of two records and a daughter of two, with one telephone; the dates of birth keep them apart."""
    mother: dict[str, Any] = {"first_name": "Ada", "phone": "+442079460018", "birthday": "1961-07-24"}
    daughter: dict[str, Any] = {"first_name": "Ada", "phone": "+442079460018", "birthday": "1990-02-01"}
    await office.person("1", **mother, email="ada@mail.example")
    await office.person("2", day=1, **mother, email="ada@mail.example")
    await office.person("3", day=2, **daughter, email="little@mail.example")
    await office.person("4", day=3, **daughter, email="little@mail.example")
    return office


async def test_two_people_wait_once_however_many_links_were_refused(household: Office) -> None:
    async with household.rt.begin(household.workspace.id) as tx:
        sql = "SELECT count(*) FROM links WHERE workspace_id = $1 AND refused IS NOT NULL"
        assert await tx.conn.fetchval(sql, household.workspace.id) == 4
    (waiting,) = await queue(household)
    assert waiting["refused"] == "veto:birthday"
    oldest = [(await household.of(f"crm/{key}")).id for key in (1, 3)]
    assert [waiting["a"], waiting["b"]] == sorted(oldest), "the oldest records of both"


@pytest.mark.parametrize(("one", "other"), [("1", "3"), ("2", "4")])
async def test_a_verdict_on_any_two_records_settles_their_people(household: Office, one: str, other: str) -> None:
    made = await household.decide("different", f"crm/{one}", f"crm/{other}")
    assert await queue(household) == []
    await household.revoke(made.decisions[0].id)
    assert len(await queue(household)) == 1


async def test_a_verdict_that_cannot_be_followed_waits_beside_nothing_else(household: Office) -> None:
    await household.decide("different", "crm/1", "crm/3")
    await household.decide("same", "crm/1", "crm/2")
    await household.decide("same", "crm/2", "crm/3")
    (waiting,) = await queue(household)
    assert (waiting["kind"], waiting["refused"]) == ("decision", "different")


async def test_a_third_person_waits_for_himself(household: Office) -> None:
    await household.decide("different", "crm/1", "crm/3")
    await household.person("5", day=4, first_name="Igor", phone="+442079460018", birthday="1950-05-05")
    assert len(await queue(household)) == 2


async def test_what_scores_below_the_threshold_waits_and_links_above_it(office: Office) -> None:
    await rules(office, matching=Matching(automatic=1000.0, review=5.0))
    await office.person("1", **ROSE)
    await office.person("2", day=1, **ROSE)
    (waiting,) = await queue(office)
    assert (waiting["kind"], waiting["refused"]) == ("match", None)
    assert not await office.together("crm/1", "crm/2")
    await rules(office, matching=Matching(automatic=5.0, review=5.0))
    assert await queue(office) == []
    assert await office.together("crm/1", "crm/2")


async def test_matching_that_is_switched_off_leaves_nothing_behind(office: Office) -> None:
    await rules(office, matching=Matching(automatic=1000.0, review=5.0))
    for key in "12":
        await office.person(key, day=int(key), **ROSE)
    await office.person("3", email="home@mail.example", birthday="1961-07-24")
    await office.person("4", email="home@mail.example", birthday="1990-02-01")
    assert {row["kind"] for row in await queue(office)} == {"match", "identifier"}
    async with office.rt.begin(office.workspace.id) as tx:
        held = await policies.in_force(tx, office.keyring)
        off = replace(held, matching=Matching(on=False))
        await policies.put(tx, office.keyring, held.version, off, now=office.rt.now())
        for table in ("match_features", "match_keys", "pairs"):
            where = f"SELECT count(*) FROM {table} WHERE workspace_id = $1"
            assert await tx.conn.fetchval(where, office.workspace.id) == 0, table
    assert [row["kind"] for row in await queue(office)] == ["identifier"]
    await refresh_due(office.rt, 1)
    await office.record("1", deleted=True)
    await rules(office, matching=Matching(automatic=5.0, review=5.0))
    async with office.rt.begin(office.workspace.id) as tx:
        sql = "SELECT count(*) FROM match_features WHERE workspace_id = $1"
        assert await tx.conn.fetchval(sql, office.workspace.id) == 3, "whoever is there is compared again, nobody else"
