"""Reading profiles: by anything that points at them, at any version, at any instant."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from app.core.errors import NotFound, Refused
from app.core.runtime import Runtime
from app.domain import events, history, lookup
from app.domain.lookup import ById, ByIdentifier, ByRecord
from app.domain.profiles import RecordName
from app.identity.identifier import Identifier
from tests.domain.story import Story
from tests.tenancy import new_workspace

MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
ADA = ByIdentifier("email", "ada@example.com")


async def test_a_profile_is_found_by_identifier_record_and_id_in_the_order_asked(story: Story) -> None:
    await story.record("42", {"email": "ada@example.com", "first_name": "Ada"}, identifiers=[("loyalty_card", "9")])
    await story.record("43", {"email": "bob@example.com"})
    ada, bob = await story.one(ADA), await story.one(ByRecord("crm", "43"))
    found = await story.find(
        ByRecord("crm", "43"),
        ByIdentifier("loyalty_card", "9"),
        ByIdentifier("email", "nobody@example.com"),
        ByRecord("shop", "42"),
        ByRecord("crm", "44"),
        ById(ada.id),
        ById(ada.id + 1_000_000),
        ADA,
    )
    assert [p and p.id for p in found] == [bob.id, ada.id, None, None, None, ada.id, None, ada.id]
    assert ada.traits["first_name"] == "Ada"
    assert ada.identifiers == [Identifier("email", "ada@example.com"), Identifier("loyalty_card", "9")]
    assert ada.records == [RecordName("crm", "42")]


async def test_identifiers_are_read_in_any_spelling(story: Story) -> None:
    await story.record("42", {"email": "ada@example.com", "phone": "+33 6 70 81 92 43"})
    found = await story.find(ByIdentifier("E-Mail", " Ada@EXAMPLE.com "), ByIdentifier("phoneNumber", "+33670819243"))
    assert all(found)


async def test_blocked_and_unreadable_identifiers_find_nobody(story: Story) -> None:
    await story.record("42", {"first_name": "Ada"}, identifiers=[("loyalty_card", "9"), ("user_id", "null")])
    found = await story.find(
        ByIdentifier("user_id", "null"), ByIdentifier("email", "not an address"), ByIdentifier("☃", "x" * 9999)
    )
    assert found == [None, None, None]


async def test_a_generic_identifier_finds_nobody_until_it_is_generic_no_more(story: Story) -> None:
    till = ByIdentifier("device_id", "till-7")
    for n in range(9):
        await story.record(str(n), {"first_name": f"P{n}"}, identifiers=[("device_id", "till-7")])
    assert await story.find(till) == [None]
    await story.record("8", deleted=True)
    assert (await story.one(till)).traits["first_name"]


async def test_an_identifier_of_several_profiles_finds_the_one_whose_record_is_oldest(story: Story) -> None:
    """Two user ids may not be one person, so the shared address links nobody."""
    for key, day in (("young", 5), ("old", 1), ("middle", 3)):
        at = MONDAY + timedelta(days=day)
        await story.record(key, {"email": "ada@example.com"}, identifiers=[("user_id", key)], at=at)
    assert (await story.one(ADA)).records == [RecordName("crm", "old")]


async def test_a_merged_id_answers_with_the_survivor(story: Story) -> None:
    await story.record("1", {"first_name": "Ada"}, identifiers=[("loyalty_card", "9")], at=MONDAY)
    await story.record("2", {"email": "ada@example.com"}, at=MONDAY + timedelta(hours=1))
    older, younger = await story.one(ByRecord("crm", "1")), await story.one(ByRecord("crm", "2"))
    assert older.id != younger.id
    await story.record("2", identifiers=[("loyalty_card", "9")], at=MONDAY + timedelta(hours=2))
    found = await story.find(ById(older.id), ById(younger.id))
    assert [p and p.id for p in found] == [older.id, older.id]


async def test_the_id_of_a_removed_record_leads_from_heir_to_heir(story: Story) -> None:
    for n in range(3):
        at = MONDAY + timedelta(hours=n)
        await story.record(str(n), {"email": "ada@example.com", "first_name": f"Ada {n}"}, at=at)
    first = await story.one(ADA)
    await story.record("0", deleted=True)
    await story.record("1", deleted=True)
    last = await story.one(ById(first.id))
    assert last.records == [RecordName("crm", "2")]
    assert await story.find(ByRecord("crm", "0")) == [None]
    await story.record("2", deleted=True)
    assert await story.find(ById(first.id), ADA) == [None, None]


async def test_nobody_is_found_in_another_workspace(story: Story, rt: Runtime) -> None:
    await story.record("42", {"email": "ada@example.com"})
    ada = await story.one(ADA)
    other = await new_workspace(rt)
    async with rt.begin(other.id) as tx:
        assert await lookup.lookup(tx, story.keyring, [ADA, ById(ada.id), ByRecord("crm", "42")]) == [None, None, None]
        with pytest.raises(NotFound):
            await lookup.get(tx, story.keyring, ada.id)


async def test_a_thousand_look_ups_go_in_one_and_more_are_refused(story: Story) -> None:
    await story.record("42", {"email": "ada@example.com"})
    found = await story.find(*[ADA] * 1000)
    assert len(found) == 1000
    assert all(found)
    with pytest.raises(Refused, match="At most 1000"):
        await story.find(*[ADA] * 1001)


async def test_each_value_says_where_it_came_from(story: Story) -> None:
    await story.record("42", {"email": "ada@example.com", "city": "London"}, at=MONDAY)
    await story.record("a", {"email": "ada@example.com", "city": "Paris"}, source="shop", at=MONDAY + timedelta(days=1))
    proof = (await story.one(ADA)).provenance["city"]
    assert (proof.source, proof.key, proof.observed_at, proof.rule) == (
        "shop",
        "a",
        MONDAY + timedelta(days=1),
        "latest",
    )
    (bare,) = await story.find(ADA, proof=False)
    assert bare is not None
    assert (bare.provenance, bare.records) == ({}, [])


async def test_every_version_can_be_read_back(story: Story) -> None:
    """Forty versions cross two that are kept whole."""
    for n in range(40):
        await story.record("42", {"email": "ada@example.com", "city": f"City {n}"}, at=MONDAY + timedelta(hours=n))
    ada = await story.one(ADA)
    assert ada.version == 40
    async with story.rt.begin(story.workspace.id) as tx:
        for n in range(1, 41):
            then = await history.version(tx, story.keyring, ada.id, n)
            assert then is not None
            assert then.traits["city"] == f"City {n - 1}"
            assert then.version == n
        for n in (0, -1, 41, 2**31, 2**80):
            assert await history.version(tx, story.keyring, ada.id, n) is None
        assert await history.version(tx, story.keyring, ada.id + 1_000_000, 1) is None


async def test_history_is_paged_from_the_newest_without_a_gap(story: Story) -> None:
    for n in range(20):
        await story.record("42", {"email": "ada@example.com", "city": f"City {n}"}, at=MONDAY + timedelta(hours=n))
    ada = await story.one(ADA)
    seen: list[history.Change] = []
    before = None
    async with story.rt.begin(story.workspace.id) as tx:
        for _ in range(10):
            changes, before = await history.page(tx, story.keyring, ada.id, before=before, many=3)
            seen += changes
            if before is None:
                break
    assert [change.version for change in seen] == list(range(20, 0, -1))
    assert [change.traits.get("city") for change in seen[:-1]] == [
        (f"City {n - 1}", f"City {n}") for n in range(19, 0, -1)
    ]
    assert seen[-1].reason == "created"
    assert seen[-1].traits["email"] == (None, "ada@example.com")


async def test_history_says_what_a_merge_brought_and_what_caused_it(story: Story) -> None:
    await story.record("1", {"first_name": "Ada"}, identifiers=[("loyalty_card", "9")], at=MONDAY)
    await story.event(
        type="identify", messageId="m-7", userId="u7", timestamp=(MONDAY + timedelta(hours=1)).isoformat()
    )
    other = await story.one(ByIdentifier("user_id", "u7"))
    await story.event(
        type="identify",
        messageId="m-8",
        userId="u7",
        context={"externalIds": [{"type": "loyalty_card", "id": "9"}]},
        timestamp=(MONDAY + timedelta(hours=2)).isoformat(),
    )
    ada = await story.one(ByRecord("crm", "1"))
    async with story.rt.begin(story.workspace.id) as tx:
        (merged, created), _ = await history.page(tx, story.keyring, ada.id)
        (rested, _), _ = await history.page(tx, story.keyring, other.id)
        assert await history.version(tx, story.keyring, other.id, rested.version) is None
    assert (merged.reason, merged.other_id, created.reason) == ("merged", other.id, "created")
    assert [(c.source, c.message_id, c.key) for c in merged.causes] == [("web", "m-8", None)]
    assert [(c.source, c.message_id, c.key) for c in created.causes] == [("crm", None, "1")]
    assert [record.source for record in merged.joined] == ["web"]
    assert merged.gained == [Identifier("user_id", "u7")]
    assert (rested.reason, rested.other_id) == ("merged_into", ada.id)


async def test_any_instant_can_be_read_back_through_a_merge(story: Story) -> None:
    await story.record("1", {"city": "Leeds"}, identifiers=[("loyalty_card", "9")], at=MONDAY)
    await asyncio.sleep(0.01)
    before_bob = story.rt.now()
    await story.record("2", {"first_name": "Bob"}, identifiers=[("loyalty_card", "8")], at=MONDAY + timedelta(hours=1))
    ada, bob = await story.one(ByRecord("crm", "1")), await story.one(ByRecord("crm", "2"))
    await asyncio.sleep(0.01)
    apart = story.rt.now()
    await story.record("2", identifiers=[("loyalty_card", "9")], at=MONDAY + timedelta(hours=2))
    await asyncio.sleep(0.01)
    together = story.rt.now()
    assert (await story.one(ById(bob.id))).id == ada.id
    async with story.rt.begin(story.workspace.id) as tx:
        assert await history.at(tx, story.keyring, bob.id, ada.id, before_bob) is None
        then = await history.at(tx, story.keyring, bob.id, ada.id, apart)
        now = await history.at(tx, story.keyring, bob.id, ada.id, together)
    assert then is not None
    assert now is not None
    assert (then.id, then.traits["first_name"]) == (bob.id, "Bob")
    assert now.id == ada.id
    assert len(now.records) == 2


async def test_events_come_newest_first_and_page_by_page(story: Story) -> None:
    for n in range(7):
        at = (MONDAY + timedelta(minutes=n // 2)).isoformat()
        await story.event(
            type="track", event=f"E{n}", userId="u7", messageId=f"m{n}", timestamp=at, properties={"n": n}
        )
    await story.event(
        type="page", name="Home", userId="u7", messageId="m7", timestamp=(MONDAY + timedelta(hours=1)).isoformat()
    )
    ada = await story.one(ByIdentifier("user_id", "u7"))
    seen: list[events.Event] = []
    before = None
    async with story.rt.begin(story.workspace.id) as tx:
        for _ in range(9):
            some, before = await events.page(tx, story.keyring, ada.id, before=before, many=3)
            seen += some
            if before is None:
                break
    assert [event.message_id for event in seen] == ["m7", "m6", "m5", "m4", "m3", "m2", "m1", "m0"]
    assert (seen[0].type, seen[0].name, seen[0].properties) == ("page", "Home", {})
    assert (seen[1].type, seen[1].name, seen[1].properties) == ("track", "E6", {"n": 6})
    assert seen[1].occurred_at == MONDAY + timedelta(minutes=3)
    assert seen[1].source == "web"


async def test_events_follow_their_records_and_end_with_them(story: Story) -> None:
    await story.event(type="track", event="Bought", userId="u7", messageId="m1")
    await story.record("1", identifiers=[("user_id", "u7")], at=MONDAY)
    ada = await story.one(ByRecord("crm", "1"))
    async with story.rt.begin(story.workspace.id) as tx:
        some, _ = await events.page(tx, story.keyring, ada.id)
    assert [event.name for event in some] == ["Bought"]
    await story.record("1", identifiers=[], at=MONDAY + timedelta(hours=1))
    async with story.rt.begin(story.workspace.id) as tx:
        none, _ = await events.page(tx, story.keyring, ada.id)
    assert none == []
