"""At once gives what one by one gives: the very pairs, links, components and people."""

from dataclasses import replace

import pytest

from app.core.runtime import Runtime
from app.identity.policy import Matching, Policy
from tests.domain.bulk.crowd import SOURCES, cdp_dev, crowd, same_as_one_by_one
from tests.make import Message, record, tenant

pytest.importorskip("duckdb")

ON = Policy(2, matching=Matching(on=True))


@pytest.mark.parametrize("matching", [Matching(), Matching(automatic=6.0, review=-8.0), Matching(on=False)])
async def test_everybody_is_where_one_by_one_puts_them(rt: Runtime, matching: Matching) -> None:
    policy = replace(ON, matching=matching)
    one = await tenant(rt, policy=policy)
    await one.take(crowd())
    many = await same_as_one_by_one(one, policy)
    assert (many > 2) is matching.on


async def test_a_development_set_comes_out_the_same_to_the_last_bit(rt: Runtime) -> None:
    said = cdp_dev(2_500)
    one = await tenant(rt, policy=ON, priorities=SOURCES)
    await one.take(said)
    assert await same_as_one_by_one(one, ON) > 100


async def test_a_key_that_too_many_carry_brings_nobody_together(rt: Runtime) -> None:
    said: list[Message] = [record(f"{n}", {"first_name": "Ann", "postal_code": f"{n:05}"}) for n in range(61)]
    keep_all = replace(ON, matching=Matching(automatic=40.0, review=-40.0))
    one = await tenant(rt, policy=keep_all)
    await one.take(said[:60])
    assert await same_as_one_by_one(one, keep_all) == 60 * 59 // 2
    await one.take(said[60:])
    assert await same_as_one_by_one(one, keep_all) == 0
