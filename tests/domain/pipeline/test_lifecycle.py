"""A record comes, changes, goes and comes back; its profile with it."""

from app.core.runtime import Runtime
from tests.make import event, record, tenant
from tests.properties.snapshot import snapshot


async def test_a_record_that_was_deleted_and_comes_back_has_its_profile_again(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.take([record("1", {"email": "ann@mail.example"}, at=0)])
    (first,) = (await snapshot(one)).live
    await one.take([record("1", at=1, deleted=True)])
    assert not (await snapshot(one)).live
    await one.take([record("1", {"email": "ann@mail.example"}, at=2)])
    now = await snapshot(one)
    assert list(now.live) == [first]
    assert now.live[first].version == 3


async def test_a_deletion_that_arrives_before_its_record_ends_nothing_that_is_said_later(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.take([record("1", at=1, deleted=True)])
    assert not (await snapshot(one)).live
    await one.take([record("1", {"first_name": "Ann"}, at=0)])
    assert not (await snapshot(one)).live
    await one.take([record("1", {"first_name": "Anne"}, at=2)])
    (profile,) = (await snapshot(one)).live.values()
    assert profile.content.traits == {"first_name": "Anne"}


async def test_of_two_spellings_of_a_trait_the_first_by_name_counts_in_whatever_order_they_stand(rt: Runtime) -> None:
    one = await tenant(rt)
    both = {"First Name": "Ann", "firstName": "Bob"}
    await one.take([record("1", both), record("2", dict(reversed(both.items())))])
    assert [p.content.traits["first_name"] for p in (await snapshot(one)).live.values()] == ["Ann", "Ann"]


async def test_the_canonical_spelling_of_a_trait_counts_before_any_other(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.take([record("1", {"First Name": "Ann", "first_name": "Bob", "firstName": "Cid"})])
    (profile,) = (await snapshot(one)).live.values()
    assert profile.content.traits["first_name"] == "Bob"


async def test_a_split_gives_the_other_part_its_old_id_back(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.take([record("1", {"email": "ann@mail.example"}, at=0), record("2", {"email": "bob@mail.example"}, at=1)])
    ids = {r.name[1]: r.id for r in (await snapshot(one)).records.values()}
    await one.take([record("2", {"email": "ann@mail.example"}, at=2)])
    now = await snapshot(one)
    assert list(now.live) == [ids["1"]]
    assert now.answer(ids["2"]) == ids["1"]
    await one.take([record("2", {"email": "bob@mail.example"}, at=3)])
    now = await snapshot(one)
    assert sorted(now.live) == sorted(ids.values())
    assert now.live[ids["2"]].version == 3


async def test_a_merge_keeps_the_id_of_the_record_that_is_oldest_by_the_datas_own_time(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.take([record("1", {"email": "ann@mail.example"}, at=5)])
    await one.take([record("2", {"email": "ann@mail.example"}, at=1)])
    now = await snapshot(one)
    (profile,) = now.live
    assert now.records[profile].name == ("crm", "2")


async def test_the_id_of_a_removed_record_leads_to_the_oldest_that_stays(rt: Runtime) -> None:
    one = await tenant(rt)
    everyone = [record(key, {"email": "ann@mail.example"}, at=at) for key, at in (("1", 0), ("2", 2), ("3", 1))]
    await one.take(everyone)
    ids = {r.name[1]: r.id for r in (await snapshot(one)).records.values()}
    await one.take([record("1", at=9, deleted=True)])
    assert (await snapshot(one)).answer(ids["1"]) == ids["3"]
    await one.take([record("3", at=9, deleted=True)])
    assert (await snapshot(one)).answer(ids["1"]) == ids["2"]


async def test_an_anonymous_visitor_who_signs_in_is_one_profile(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.take([event(anonymousId="a1", at=0)])
    await one.take([event("identify", userId="u1", anonymousId="a1", traits={"email": "ann@mail.example"}, at=1)])
    now = await snapshot(one)
    (profile,) = now.live.values()
    assert [i.namespace for i in profile.content.identifiers] == ["anonymous_id", "email", "user_id"]
    assert len(profile.content.records) == 2
