"""Merging and splitting people by hand: exact, reversible, kept through whatever comes, and honest about its reach."""

import pytest

from app.core.errors import NotFound, Refused, Stale
from app.domain import history
from app.domain.decide import DecidedOtherwise
from app.domain.decide.exposure import Span
from app.domain.deliveries import Kind
from app.domain.edits import Redirected
from app.domain.lookup import ById
from app.domain.profiles import Profile
from tests.domain.office import MONDAY, Office, said


async def family(office: Office) -> tuple[Profile, Profile]:
    """Ada with two records and Ben with two; nothing links the one with the other."""
    await office.person("1", email="ada@mail.example", first_name="Ada", city="London", country="GB")
    await office.person("2", source="shop", day=1, email="ada@mail.example", company="Engines")
    await office.person("3", day=2, email="ben@mail.example", first_name="Ben", birthday="1990-02-01")
    await office.person("4", source="shop", day=3, email="ben@mail.example", city="Leeds")
    return await office.of("crm/1"), await office.of("crm/3")


async def test_a_merge_unites_two_people_and_both_ids_lead_to_the_older(office: Office) -> None:
    ada, ben = await family(office)
    ruling = await office.merge(ben.id, ada.id, seen=ben.version)
    (united,) = ruling.profiles
    assert united.id == ada.id == (await office.one(ById(ben.id))).id
    assert [(r.source, r.key) for r in united.records] == [("crm", "1"), ("crm", "3"), ("shop", "2"), ("shop", "4")]
    assert ruling.decisions[0].origin == "merge"


async def test_a_split_gives_both_back_what_they_were_to_the_last_bit(office: Office) -> None:
    ada, ben = await family(office)
    await office.merge(ada.id, ben.id)
    ruling = await office.split(ada.id, "crm/3", "shop/4")
    assert said(await office.one(ById(ada.id))) == said(ada)
    assert said(await office.one(ById(ben.id))) == said(ben)
    assert (ruling.decided, ruling.revoked) == (4, 1), "the decision that had united them is taken back"
    assert [p.id for p in ruling.profiles] == [ada.id, ben.id]
    assert {d.act_id for d in ruling.decisions} == {ruling.act_id}


async def test_a_split_of_records_that_share_an_address_stays_split(office: Office) -> None:
    await office.person("1", email="home@mail.example", first_name="Ada")
    ada = await office.of("crm/1")
    await office.person("2", source="shop", day=1, email="home@mail.example", city="Leeds")
    await office.split(ada.id, "shop/2")
    assert said(await office.of("crm/1")) == said(ada)
    await office.person("1", day=5, email="home@mail.example", first_name="Ada", title="Countess")
    await office.person("2", source="shop", day=5, email="home@mail.example", city="York")
    assert not await office.together("crm/1", "shop/2")


async def test_a_split_is_taken_back_as_one_act(office: Office) -> None:
    await office.person("1", email="home@mail.example")
    await office.person("2", source="shop", day=1, email="home@mail.example")
    await office.person("3", source="web", day=2, email="home@mail.example")
    before = await office.of("crm/1")
    parted = await office.split(before.id, "crm/1")
    assert not await office.together("crm/1", "shop/2")
    ruling = await office.revoke(parted.decisions[1].id, whole=True)
    assert (ruling.revoked, [p.id for p in ruling.profiles]) == (2, [before.id])
    assert said(await office.of("web/3")) == said(before)


async def test_a_change_by_hand_goes_with_the_record_it_was_made_on(office: Office) -> None:
    ada, ben = await family(office)
    await office.edit(ben.id, {"title": "Sir"})
    ben = await office.of("crm/3")
    await office.merge(ada.id, ben.id)
    assert (await office.of("crm/1")).traits["title"] == "Sir"
    await office.split(ada.id, "crm/3", "shop/4")
    assert said(await office.of("crm/1")) == said(ada)
    assert said(await office.of("crm/3")) == said(ben)
    with pytest.raises(Refused) as refused:
        await office.split(ben.id, "crm/3", "edits/crm:3")
    assert [fault.pointer for fault in refused.value.faults] == ["/records/1"]


async def test_an_older_id_comes_back_with_the_part_that_goes(office: Office) -> None:
    ada, ben = await family(office)
    await office.merge(ada.id, ben.id)
    ruling = await office.split(ben.id, "crm/1", "shop/2")
    assert (await office.of("crm/1")).id == ada.id
    assert (await office.of("crm/3")).id == ben.id
    assert ruling.decided == 4


async def test_the_versions_that_stood_on_a_wrong_merge_are_named_with_their_time(office: Office) -> None:
    ada, ben = await family(office)
    await office.merge(ada.id, ben.id)
    await office.person("1", day=9, email="ada@mail.example", first_name="Ada", city="Paris")
    merged = await office.of("crm/1")
    ruling = await office.split(ada.id, "crm/3", "shop/4")
    async with office.rt.begin(office.workspace.id) as tx:
        changes, _ = await history.page(tx, office.keyring, ada.id)
    at = {change.reason: change.at for change in changes}
    assert ruling.exposure.spans == [Span(ada.id, merged.version - 1, merged.version, at["merged"], at["split"])]
    assert ruling.exposure.uses == []


async def test_the_time_of_a_wrong_merge_is_found_though_its_oldest_record_has_left(office: Office) -> None:
    ada, ben = await family(office)
    united = (await office.merge(ada.id, ben.id)).profiles[0]
    await office.person("5", source="web", day=-1, email="ada@mail.example")
    older = await office.of("crm/3")
    await office.record("5", source="web", deleted=True)
    assert (await office.of("crm/3")).id == united.id != older.id
    ruling = await office.split(united.id, "crm/3", "shop/4")
    first, second, third = ruling.exposure.spans
    assert [span.profile_id for span in (first, second, third)] == [united.id, older.id, united.id]
    assert (first.first_version, first.last_version, first.until) == (united.version, united.version, second.since)
    assert (third.first_version, third.since) == (united.version + 2, second.until)


async def test_taking_a_merge_back_names_what_stood_on_it_as_well(office: Office) -> None:
    ada, ben = await family(office)
    made = await office.merge(ada.id, ben.id)
    assert made.exposure.spans == []
    ruling = await office.revoke(made.decisions[0].id)
    assert [(span.profile_id, span.first_version) for span in ruling.exposure.spans] == [(ada.id, ada.version + 1)]


async def test_a_merge_against_a_split_names_what_stands_against_it(office: Office) -> None:
    ada, ben = await family(office)
    await office.merge(ada.id, ben.id)
    parted = await office.split(ada.id, "crm/3", "shop/4")
    await office.revoke(next(d.id for d in parted.decisions if {d.a.id, d.b.id} == {ada.id, ben.id}))
    with pytest.raises(DecidedOtherwise) as refused:
        await office.merge(ada.id, ben.id)
    assert refused.value.decision_id in {d.id for d in parted.decisions}
    assert said(await office.of("crm/1")) == said(ada)
    await office.revoke(refused.value.decision_id, whole=True)
    assert len((await office.merge(ada.id, ben.id)).profiles) == 1


async def test_two_ids_of_one_profile_are_held_together_by_a_decision(office: Office) -> None:
    await office.person("1", email="home@mail.example")
    ada = await office.of("crm/1")
    await office.person("2", email="b@mail.example")
    second = await office.of("crm/2")
    await office.person("2", day=1, email="home@mail.example")
    assert await office.together("crm/1", "crm/2")
    first = await office.merge(ada.id, second.id)
    assert (first.decided, (await office.merge(second.id, ada.id)).decided) == (1, 0)
    await office.person("2", day=2, email="b@mail.example")
    assert await office.together("crm/1", "crm/2"), "the address that they shared is gone"
    with pytest.raises(Refused, match="already"):
        await office.merge(ada.id, ada.id)


async def test_a_stale_version_changes_nothing(office: Office) -> None:
    ada, ben = await family(office)
    with pytest.raises(Stale, match=f"at version {ada.version} now"):
        await office.merge(ada.id, ben.id, seen=ada.version + 1)
    united = (await office.merge(ada.id, ben.id)).profiles[0]
    with pytest.raises(Stale):
        await office.split(ada.id, "crm/3", "shop/4", seen=ada.version)
    with pytest.raises(Redirected):
        await office.split(ben.id, "crm/3", "shop/4", seen=united.version)
    assert (await office.of("crm/3")) == united


async def test_a_split_says_what_it_cannot_do(office: Office) -> None:
    ada, _ = await family(office)
    for records, code in (
        (("crm/3",), "not_a_member"),
        (("nobody/1", "crm/1"), "not_a_member"),
        (("crm/1", "shop/2"), "nothing_stays"),
    ):
        with pytest.raises(Refused) as refused:
            await office.split(ada.id, *records)
        assert refused.value.code == code
    with pytest.raises(NotFound):
        await office.split(17, "crm/1")
    with pytest.raises(NotFound) as unknown:
        await office.merge(ada.id, 17)
    assert [fault.pointer for fault in unknown.value.faults] == ["/with"]


async def test_a_split_into_many_pieces_is_bounded(office: Office) -> None:
    """202 records of one person: one against 201 is done, half against half would be too many decisions at once."""
    born = MONDAY.isoformat()
    chain = [[{"namespace": "anonymous_id", "value": f"b{(n + step) // 7}"} for step in (0, 1)] for n in range(202)]
    records = [{"key": f"{n}", "identifiers": held, "observed_at": born} for n, held in enumerate(chain)]
    await office.tell("crm", Kind.RECORD, *records)
    ada = await office.of("crm/0")
    with pytest.raises(Refused, match="10201 decisions"):
        await office.split(ada.id, *(f"crm/{n}" for n in range(101)))
    ruling = await office.split(ada.id, "crm/0")
    assert (ruling.decided, len(ruling.decisions)) == (201, 100)
    assert len((await office.of("crm/1")).records) == 201
