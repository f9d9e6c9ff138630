"""The id of a removed record leads to its heir, however many heirs came and went since."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.lookup import ById, ByIdentifier
from tests.domain.story import Story

DAWN = datetime(2026, 3, 1, tzinfo=UTC)
ADA = ByIdentifier("email", "ada@example.com")


def moment(number: int) -> datetime:
    return DAWN + timedelta(minutes=number)


async def heirs_of(story: Story, many: int) -> int:
    """A person whose only record is replaced so often; the id that she had at first."""
    await story.record("0", {"email": "ada@example.com"}, at=moment(0))
    first = (await story.one(ADA)).id
    for number in range(1, many + 1):
        await story.record(f"{number}", {"email": "ada@example.com"}, at=moment(2 * number))
        await story.record(f"{number - 1}", deleted=True, at=moment(2 * number + 1))
    return first


async def test_an_id_finds_its_person_after_a_hundred_and_twenty_heirs(story: Story) -> None:
    first = await heirs_of(story, 120)
    now = await story.one(ADA)
    assert now.id != first
    assert (await story.one(ById(first))).id == now.id


async def test_a_thousand_look_ups_of_old_ids_are_one_answer(story: Story) -> None:
    first = await heirs_of(story, 30)
    now = await story.one(ADA)
    assert [each and each.id for each in await story.find(*[ById(first)] * 1000)] == [now.id] * 1000


@pytest.mark.parametrize("goes_on_as", ["itself", "its predecessor"])
async def test_heirs_in_a_circle_lead_nowhere_and_end(story: Story, goes_on_as: str) -> None:
    """No writer makes such rows. A damaged one must not hold a connection for ever."""
    first = await heirs_of(story, 1)
    heir = (await story.one(ADA)).id
    async with story.rt.begin(story.workspace.id) as tx:
        await tx.conn.execute(
            "UPDATE source_records SET profile_id = NULL, component_id = NULL, removed = true, heir_id = $2 "
            " WHERE id = $1",
            heir, heir if goes_on_as == "itself" else first,
        )  # fmt: skip
    assert await story.find(ById(first), ById(heir)) == [None, None]
