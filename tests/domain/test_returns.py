"""A record that was removed and comes back is placed by every verdict that still speaks about it."""

from datetime import timedelta

from tests.domain.office import MONDAY, Office


async def test_a_verdict_waits_for_a_record_that_is_gone_and_ties_it_again_when_it_is_back(office: Office) -> None:
    await office.person("1", day=1)
    await office.person("2", day=2)
    await office.decide("same", "crm/1", "crm/2")
    await office.record("2", deleted=True, at=MONDAY + timedelta(days=3))
    await office.person("2", day=4)
    assert await office.together("crm/1", "crm/2")


async def test_a_record_that_is_back_keeps_apart_from_whom_it_was_decided_apart(office: Office) -> None:
    for key in "12":
        await office.person(key, day=int(key), email="home@mail.example")
    await office.decide("different", "crm/1", "crm/2")
    await office.record("2", deleted=True, at=MONDAY + timedelta(days=3))
    await office.person("2", day=4, email="home@mail.example")
    assert not await office.together("crm/1", "crm/2")
