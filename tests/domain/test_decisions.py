"""Decisions: what a person says of two records is done at once, outranks everything else, and can be taken back."""

import asyncio
from datetime import timedelta

import pytest

from app.core.errors import NotFound, Refused
from app.domain import decisions
from app.domain.decide import DecidedOtherwise
from tests.domain.office import MONDAY, Office, said


async def test_what_is_decided_same_is_one_person_at_once(office: Office) -> None:
    await office.person("1", first_name="Ada", city="London")
    await office.person("2", source="shop", day=1, first_name="Ada", company="Engines")
    ruling = await office.decide("same", "crm/1", "shop/2", reason="she said so")
    ada = await office.of("crm/1")
    assert await office.together("crm/1", "shop/2")
    assert ada.traits == {"first_name": "Ada", "city": "London", "company": "Engines"}
    assert (ruling.decided, ruling.revoked, [p.id for p in ruling.profiles]) == (1, 0, [ada.id])
    (decision,) = ruling.decisions
    assert (decision.applied, decision.because, decision.reason, decision.decided_by) == (
        True, None, "she said so", "ann",
    )  # fmt: skip


async def test_what_is_decided_different_comes_apart_though_it_shares_an_address(office: Office) -> None:
    await office.person("1", email="home@mail.example", first_name="Ada")
    alone = await office.of("crm/1")
    await office.person("2", source="shop", day=1, email="home@mail.example", city="Leeds")
    assert await office.together("crm/1", "shop/2")
    ruling = await office.decide("different", "crm/1", "shop/2")
    assert not await office.together("crm/1", "shop/2")
    assert said(await office.of("crm/1")) == said(alone)
    assert {p.id for p in ruling.profiles} == {alone.id, (await office.of("shop/2")).id}


async def test_a_verdict_holds_against_what_arrives_later(office: Office) -> None:
    await office.person("1", email="home@mail.example")
    await office.person("2", source="shop", day=1, email="home@mail.example")
    await office.decide("different", "crm/1", "shop/2")
    await office.person("1", day=3, email="home@mail.example", phone="+442079460018")
    await office.person("2", source="shop", day=3, phone="+442079460018")
    await office.person("3", source="web", day=4, phone="+442079460018", email="home@mail.example")
    assert not await office.together("crm/1", "shop/2")


async def test_the_same_verdict_again_changes_nothing_and_the_other_one_is_refused_by_name(office: Office) -> None:
    await office.person("1")
    await office.person("2")
    first = await office.decide("same", "crm/1", "crm/2")
    again = await office.decide("same", "crm/2", "crm/1", by="bob")
    assert (again.decided, again.decisions[0].id) == (0, first.decisions[0].id)
    with pytest.raises(DecidedOtherwise) as refused:
        await office.decide("different", "crm/1", "crm/2")
    assert (refused.value.decision_id, refused.value.verdict) == (first.decisions[0].id, "same")


async def test_a_verdict_against_two_others_is_kept_and_reported_and_not_applied(office: Office) -> None:
    for key in "123":
        await office.person(key, day=int(key))
    await office.decide("same", "crm/1", "crm/2")
    apart = await office.decide("different", "crm/1", "crm/3")
    ruling = await office.decide("same", "crm/2", "crm/3")
    (decision,) = ruling.decisions
    assert (decision.applied, decision.because) == (False, "different")
    assert ruling.contradicts == [apart.decisions[0].id]
    assert await office.together("crm/1", "crm/2")
    assert not await office.together("crm/2", "crm/3")
    await office.revoke(apart.decisions[0].id)
    assert await office.together("crm/1", "crm/2", "crm/3"), "what was refused holds once nothing stands against it"


async def test_a_later_verdict_names_those_that_it_overrules(office: Office) -> None:
    for key in "123":
        await office.person(key, day=int(key))
    await office.decide("same", "crm/1", "crm/2")
    second = await office.decide("same", "crm/2", "crm/3")
    ruling = await office.decide("different", "crm/1", "crm/3")
    assert ruling.decisions[0].applied
    assert ruling.contradicts == [second.decisions[0].id]


async def test_a_revoked_decision_is_history_and_its_effect_is_gone(office: Office) -> None:
    await office.person("1", city="London")
    await office.person("2", day=1, city="Leeds")
    before = [said(await office.of(f"crm/{key}")) for key in "12"]
    made = (await office.decide("same", "crm/1", "crm/2", reason="alike")).decisions[0]
    ruling = await office.revoke(made.id)
    assert (ruling.revoked, len(ruling.profiles)) == (1, 2)
    assert [said(await office.of(f"crm/{key}")) for key in "12"] == before
    (kept,) = ruling.decisions
    assert (kept.reason, kept.decided_by, kept.revoked_by, kept.applied) == ("alike", "ann", "bob", None)
    again = await office.revoke(made.id)
    assert (again.revoked, again.decisions[0].revoked_at) == (0, kept.revoked_at)
    anew = await office.decide("different", "crm/1", "crm/2")
    assert anew.decided == 1


async def test_decisions_are_refused_on_what_nobody_is(office: Office) -> None:
    await office.person("1", city="London")
    await office.person("2")
    ada = await office.of("crm/1")
    await office.edit(ada.id, {"city": "Paris"})
    await office.record("2", deleted=True)
    for a, b, kind, pointers in (
        ("crm/1", "crm/9", NotFound, ["/b"]),
        ("none/1", "crm/9", NotFound, ["/a", "/b"]),
        ("crm/1", "crm/1", Refused, ["/b"]),
        ("edits/crm:1", "crm/1", Refused, ["/a"]),
        ("crm/1", "crm/2", Refused, ["/b"]),
    ):
        with pytest.raises(kind) as refused:
            await office.decide("same", a, b)
        assert [fault.pointer for fault in refused.value.faults] == pointers
    with pytest.raises(NotFound):
        await office.revoke(17)


async def test_of_many_who_decide_at_once_one_writes_and_all_agree(office: Office) -> None:
    for n in range(12):
        await office.person(f"{n}")
    for n in range(0, 12, 2):
        sides = f"crm/{n}", f"crm/{n + 1}"
        rulings = await asyncio.gather(*(office.decide("same", *sides, by=f"p{who}") for who in range(8)))
        assert sorted(ruling.decided for ruling in rulings) == [0] * 7 + [1]
        assert len({ruling.decisions[0].id for ruling in rulings}) == 1


async def test_verdicts_in_any_order_at_once_give_one_partition(office: Office) -> None:
    for n in range(6):
        await office.person(f"{n}", day=n)
    pairs = [("same", n, n + 1) for n in range(5)] + [("different", 0, 3)]
    await asyncio.gather(*(office.decide(verdict, f"crm/{a}", f"crm/{b}") for verdict, a, b in pairs))  # type: ignore[arg-type]
    held = [(await office.of(f"crm/{n}")).records for n in range(6)]
    assert [[r.key for r in records] for records in held] == [["0", "1", "2"]] * 3 + [["3", "4", "5"]] * 3


async def test_a_page_shows_those_of_a_record_and_those_that_stand(office: Office) -> None:
    for key in "123":
        await office.person(key)
    one = (await office.decide("same", "crm/1", "crm/2")).decisions[0]
    two = (await office.decide("different", "crm/2", "crm/3")).decisions[0]
    await office.revoke(two.id)
    async with office.rt.begin(office.workspace.id) as tx:
        every = await decisions.page(tx, office.keyring)
        standing = await decisions.page(tx, office.keyring, standing=True)
        revoked = await decisions.page(tx, office.keyring, standing=False)
        rest = await decisions.page(tx, office.keyring, before=two.id)
        third = (await decisions.some(tx, office.keyring, [two.id]))[0].b.id
        of_third = await decisions.page(tx, office.keyring, record_ids=[third])
    assert [d.id for d in every] == [two.id, one.id]
    assert [d.id for d in standing] == [d.id for d in rest] == [one.id]
    assert [d.id for d in revoked] == [d.id for d in of_third] == [two.id]


async def test_a_verdict_waits_for_a_record_that_was_deleted_and_comes_back(office: Office) -> None:
    await office.person("1", day=1)
    await office.person("2", day=2)
    made = (await office.decide("same", "crm/1", "crm/2")).decisions[0]
    await office.record("2", deleted=True, at=MONDAY + timedelta(days=3))
    async with office.rt.begin(office.workspace.id) as tx:
        held = await decisions.one(tx, office.keyring, made.id)
    assert (held.applied, held.because) == (False, "record_removed")
    await office.person("2", day=4, city="Leeds")
    assert await office.together("crm/1", "crm/2")


async def test_revoking_while_a_record_is_deleted_leaves_nothing_behind(office: Office) -> None:
    await office.person("1", day=1)
    await office.person("2", day=2)
    made = (await office.decide("same", "crm/1", "crm/2")).decisions[0]
    await office.record("2", deleted=True, at=MONDAY + timedelta(days=3))
    assert (await office.revoke(made.id)).revoked == 1
    await office.person("2", day=4)
    assert not await office.together("crm/1", "crm/2")
