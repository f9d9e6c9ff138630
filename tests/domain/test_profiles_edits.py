"""Edits by hand: one more source, tied to the record it edits, refused when the version seen is not the current one."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.core.errors import NotFound, Refused, Stale
from app.domain import history
from app.domain.contention import Busy, retried
from app.domain.edits import Redirected, edit
from app.domain.lookup import By, ById, ByIdentifier, ByRecord
from app.domain.profiles import Profile, RecordName
from tests.domain.story import Story

MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
ADA = ByIdentifier("email", "ada@example.com")


async def test_an_edit_sets_traits_in_the_profile_and_says_so_in_its_history(story: Story) -> None:
    await story.record("42", {"email": "ada@example.com", "city": "London"})
    ada = await story.one(ADA)
    edited = await story.edit(ada.id, {"city": "Paris", "favouriteColour": "blue"}, seen=1)
    assert (edited.id, edited.version) == (ada.id, 2)
    assert edited.traits == {"city": "Paris", "email": "ada@example.com", "favourite_colour": "blue"}
    assert edited.provenance["city"].source == "edits"
    assert edited.records == [RecordName("crm", "42"), RecordName("edits", "crm:42")]
    assert [i.namespace for i in edited.identifiers] == ["email"]
    async with story.rt.begin(story.workspace.id) as tx:
        (change, _), _ = await history.page(tx, story.keyring, ada.id)
    assert change.traits["city"] == ("London", "Paris")
    assert (change.gained, change.lost) == ([], [])


async def test_a_stale_edit_changes_nothing(story: Story) -> None:
    await story.record("42", {"email": "ada@example.com", "city": "London"})
    ada = await story.one(ADA)
    await story.edit(ada.id, {"city": "Paris"}, seen=1)
    with pytest.raises(Stale, match="at version 2"):
        await story.edit(ada.id, {"city": "Rome"}, seen=1)
    assert (await story.one(ADA)).traits["city"] == "Paris"
    async with story.rt.begin(story.workspace.id) as tx:
        assert await tx.conn.fetchval("SELECT count(*) FROM ingest_queue") == 0


async def test_an_edit_of_the_value_held_already_makes_no_new_version_twice(story: Story) -> None:
    await story.record("42", {"email": "ada@example.com", "city": "London"})
    ada = await story.one(ADA)
    once = await story.edit(ada.id, {"city": "Paris"})
    assert (await story.edit(ada.id, {"city": "Paris"})).version == once.version


async def test_null_clears_a_trait_in_every_record_until_a_source_says_it_again(story: Story) -> None:
    await story.record("42", {"email": "ada@example.com", "city": "London"}, at=MONDAY)
    await story.record("7", {"email": "ada@example.com", "city": "Leeds"}, source="shop", at=MONDAY)
    ada = await story.one(ADA)
    assert "city" not in (await story.edit(ada.id, {"city": None})).traits
    await story.record("42", {"city": "London"}, at=MONDAY + timedelta(hours=1))
    assert "city" not in (await story.one(ADA)).traits, "a word from before the edit does not undo it"
    await story.record("42", {"city": "Bath"})
    assert (await story.one(ADA)).traits["city"] == "Bath"


async def test_an_edit_wins_over_a_source_whose_clock_is_ahead(story: Story) -> None:
    ahead = story.rt.now() + timedelta(minutes=3)
    await story.record("42", {"email": "ada@example.com", "city": "London"}, at=ahead)
    ada = await story.one(ADA)
    assert (await story.edit(ada.id, {"city": "Paris"})).traits["city"] == "Paris"
    assert (await story.edit(ada.id, {"city": "Rome"})).traits["city"] == "Rome"
    assert (await story.one(ADA)).id == ada.id


async def test_an_edit_keeps_the_identifiers_that_the_record_lists(story: Story) -> None:
    await story.record("42", {"first_name": "Ada"}, identifiers=[("loyalty_card", "9")], at=MONDAY)
    ada = await story.one(ByRecord("crm", "42"))
    await story.edit(ada.id, {"first_name": "Augusta"})
    await story.record("42", identifiers=[("loyalty_card", "10")])
    found = await story.one(ByIdentifier("loyalty_card", "10"))
    assert (found.id, found.traits["first_name"]) == (ada.id, "Augusta")
    assert await story.find(ByIdentifier("loyalty_card", "9")) == [None]


async def test_an_edit_follows_its_record_through_a_split(story: Story) -> None:
    for n in ("1", "2"):
        at = MONDAY + timedelta(hours=int(n))
        await story.record(n, {"first_name": f"P{n}"}, identifiers=[("loyalty_card", "9")], at=at)
    one = await story.one(ByRecord("crm", "1"))
    await story.edit(one.id, {"city": "Paris"})
    await story.record("2", identifiers=[])
    apart = await story.one(ByRecord("crm", "2"))
    assert apart.id != one.id
    assert "city" not in apart.traits
    assert (await story.one(ById(one.id))).traits["city"] == "Paris"


async def test_an_edit_by_hand_does_not_revive_a_record_that_its_source_deleted_earlier(story: Story) -> None:
    await story.record("42", {"email": "ada@example.com", "city": "London"}, at=MONDAY)
    await story.record("7", {"email": "ada@example.com"}, source="shop", at=MONDAY)
    ada = await story.one(ADA)
    await story.edit(ada.id, {"city": None})
    await story.record("42", deleted=True, at=MONDAY + timedelta(hours=1))
    assert RecordName("crm", "42") not in (await story.one(ADA)).records
    assert await story.find(ByRecord("crm", "42")) == [None]


async def test_an_edit_can_merge_by_the_address_that_it_sets(story: Story) -> None:
    await story.record("1", {"email": "ada@example.com"}, at=MONDAY)
    await story.record("2", {"first_name": "Ada"}, identifiers=[("user_id", "7")], at=MONDAY + timedelta(hours=1))
    older, younger = await story.one(ADA), await story.one(ByRecord("crm", "2"))
    edited = await story.edit(younger.id, {"email": "ada@example.com"}, seen=younger.version)
    assert edited.id == older.id
    assert edited.traits["first_name"] == "Ada"


async def test_a_merged_id_is_edited_only_by_who_has_seen_no_version(story: Story) -> None:
    for n in ("1", "2"):
        await story.record(n, {"first_name": f"P{n}"}, at=MONDAY + timedelta(hours=int(n)))
    one, two = await story.one(ByRecord("crm", "1")), await story.one(ByRecord("crm", "2"))
    for n in ("1", "2"):
        await story.record(n, identifiers=[("loyalty_card", "9")])
    with pytest.raises(Redirected) as led:
        await story.edit(two.id, {"city": "Paris"}, seen=two.version)
    assert led.value.survivor == one.id
    assert (await story.edit(two.id, {"city": "Paris"})).id == one.id


@pytest.mark.parametrize(
    ("traits", "pointer", "code"),
    [
        ({"birthday": "yesterday"}, "/traits/birthday", "date_syntax"),
        ({"email": "nobody"}, "/traits/email", "email_syntax"),
        ({"city": " "}, "/traits/city", "empty"),
        ({"!": 1}, "/traits/!", "bad_name"),
        ({"firstName": "A", "first_name": "B"}, "/traits/first_name", "duplicate_trait"),
        ({"a/b~c": 1, "a b c": 2}, "/traits/a b c", "duplicate_trait"),
    ],
)
async def test_what_no_trait_can_be_is_refused_with_its_place(
    story: Story, traits: dict[str, Any], pointer: str, code: str
) -> None:
    await story.record("42", {"email": "ada@example.com"})
    ada = await story.one(ADA)
    with pytest.raises(Refused) as refused:
        await story.edit(ada.id, traits)
    (fault,) = refused.value.faults
    assert fault.pointer == pointer
    assert fault.code == code
    assert (await story.one(ADA)).version == 1


async def test_nobody_is_edited_in_another_persons_name(story: Story) -> None:
    """The namespace that ties edits to records is ours: a source that claims it links nobody."""
    await story.record("42", {"email": "ada@example.com"})
    ada = await story.one(ADA)
    await story.edit(ada.id, {"city": "Paris"})
    async with story.rt.begin(story.workspace.id) as tx:
        sealed = await tx.conn.fetchval("SELECT sealed FROM profiles WHERE id = $1", ada.id)
    tie = story.keyring.open(sealed, "profiles", "sealed", ada.id).decode().split('["edited_record","')[1].split('"')[0]
    for namespace in ("edited_record", "editedRecord", "Edited Record"):
        await story.record("evil", {"city": "Rome"}, source="shop", identifiers=[(namespace, tie)])
        assert RecordName("shop", "evil") not in (await story.one(ADA)).records
        assert await story.find(ByIdentifier(namespace, tie)) == [None]
    await story.event(
        type="identify", messageId="e1", userId="u", context={"externalIds": [{"type": "edited_record", "id": tie}]}
    )
    assert (await story.one(ByIdentifier("user_id", "u"))).id != ada.id


async def test_an_unknown_id_is_not_found(story: Story) -> None:
    for id in (None, 1, 2**63 - 1):
        async with story.rt.begin(story.workspace.id) as tx:
            with pytest.raises(NotFound):
                await edit(tx, story.keyring, id, {"city": "X"}, versions=None, now=story.rt.now())


async def test_many_editors_at_once_leave_one_winner_per_version(story: Story) -> None:
    """Ten editors saw version 1: one of them makes version 2, the others are told that they are late."""
    await story.record("42", {"email": "ada@example.com", "city": "London"})
    ada = await story.one(ADA)

    async def attempt(n: int) -> Profile | None:
        try:
            return await retried(lambda: story.edit(ada.id, {"city": f"City {n}"}, seen=1))
        except Stale:
            return None

    done = [profile for profile in await asyncio.gather(*(attempt(n) for n in range(10))) if profile]
    assert len(done) == 1
    assert (await story.one(ADA)).traits["city"] == done[0].traits["city"]


async def test_editors_who_name_no_version_all_get_through(story: Story) -> None:
    await story.record("42", {"email": "ada@example.com"})
    ada = await story.one(ADA)

    async def attempt(n: int) -> None:
        while True:
            try:
                await retried(lambda: story.edit(ada.id, {f"t{n}": n}))
            except Busy:
                continue
            return

    await asyncio.gather(*(attempt(n) for n in range(5)))
    assert {f"t{n}" for n in range(5)} <= (await story.one(ADA)).traits.keys()


async def test_an_edit_is_nobody_once_its_record_is_gone(story: Story) -> None:
    """What is left of a person whose only record was deleted is no person of its own, whoever asks and however."""
    await story.record("42", {"email": "ada@example.com", "city": "London"}, at=MONDAY)
    ada = await story.one(ADA)
    await story.edit(ada.id, {"city": "Paris", "email": "countess@example.com"})
    await story.record("42", at=datetime.now(UTC) + timedelta(minutes=1), deleted=True)
    asked: list[By] = [ById(ada.id), ADA, ByIdentifier("email", "countess@example.com"), ByRecord("edits", "crm:42")]
    assert await story.find(*asked) == [None] * 4
    async with story.rt.begin(story.workspace.id) as tx:
        assert await tx.conn.fetchval("SELECT count(*) FROM profiles WHERE live") == 0
