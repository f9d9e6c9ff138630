"""What identifies nobody, what is shared by too many, and what one person may hold."""

from dataclasses import replace

from app.core.runtime import Runtime
from app.domain.policies import from_body, to_body
from app.identity.policy import NamespaceRule, Policy
from tests.make import record, tenant
from tests.properties.snapshot import snapshot


async def test_a_value_that_a_pattern_of_the_policy_blocks_links_nobody(rt: Runtime) -> None:
    one = await tenant(rt, policy=Policy(blocked_patterns={"device_id": ("till-*",)}))
    await one.take([record(key, identifiers=[("device_id", "TILL-7")]) for key in "12"])
    now = await snapshot(one)
    assert len(now.live) == 2
    assert not now.carried


async def test_a_value_that_the_policy_blocks_is_compared_without_its_case(rt: Runtime) -> None:
    one = await tenant(rt, policy=Policy(blocked_values={"device_id": frozenset({"Till-7"})}))
    await one.take([record(key, identifiers=[("device_id", "TILL-7")]) for key in "12"])
    assert len((await snapshot(one)).live) == 2


async def test_a_record_that_breaks_a_limit_all_alone_unites_with_nobody(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.take(
        [
            record("1", {"email": "ann@mail.example"}, [("user_id", "u1"), ("user_id", "u2")]),
            record("2", {"email": "ann@mail.example"}, at=1),
        ]
    )
    now = await snapshot(one)
    assert len(now.live) == 2
    assert [refused for *_, refused in now.links] == ["max_values:user_id"]


async def test_an_identifier_that_becomes_generic_takes_back_the_links_it_made_and_gives_them_again(
    rt: Runtime,
) -> None:
    narrow = replace(Policy(), namespaces={**Policy().namespaces, "device_id": NamespaceRule(10, 5, 2)})
    one = await tenant(rt, policy=narrow)
    await one.take([record(key, identifiers=[("device_id", "tablet")], at=int(key)) for key in "12"])
    assert len((await snapshot(one)).live) == 1
    await one.take([record("3", identifiers=[("device_id", "tablet")], at=3)])
    now = await snapshot(one)
    assert len(now.live) == 3
    assert not now.links
    await one.take([record("3", at=4, deleted=True)])
    assert [len(group) for group in (await snapshot(one)).partition] == [2]


def test_a_policy_reads_back_from_its_body() -> None:
    policy = Policy(
        3,
        {**Policy().namespaces, "card": NamespaceRule(7, 2, 3)},
        NamespaceRule(5, 1, 2),
        {"email": frozenset({"shop@mail.example"})},
        {"device_id": ("till-*",)},
        max_cluster=9,
    )
    assert from_body(3, to_body(policy)) == policy
