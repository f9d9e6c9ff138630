"""Each version says what changed, why, and where every value came from."""

from typing import Any, Literal

import pytest

from app.core.runtime import Runtime
from app.domain.catalog import Trait
from app.domain.golden import dump
from app.domain.versions import WHOLE_EVERY
from tests.make import record, tenant
from tests.properties.snapshot import read_back, snapshot, versions

ANN = {"email": "ann@mail.example"}


async def test_a_value_that_is_merely_heard_again_makes_no_version(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.take([record("1", ANN, at=0)])
    await one.take([record("1", ANN, at=1)])
    (profile,) = (await snapshot(one)).live.values()
    assert profile.version == 1


async def test_a_later_version_names_the_record_that_said_a_value_last(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.take([record("1", ANN, at=0), record("2", {**ANN, "plan": "pro"}, at=1)])
    await one.take([record("1", {"plan": "pro"}, at=2)])
    await one.take([record("2", at=3, deleted=True)])
    ((id, profile),) = (await snapshot(one)).live.items()
    assert profile.version == 2
    assert profile.content.proofs["plan"].key == "1"
    assert dump(read_back((await versions(one))[id], 2)) == dump(profile.content)


async def test_any_of_many_versions_reads_back(rt: Runtime) -> None:
    one = await tenant(rt)
    was = {}
    for at in range(2 * WHOLE_EVERY + 3):
        traits = {"plan": f"p{at}", "city": "Ulm" if at % 3 else None, "title": "Dr." if at < 20 else None}
        await one.take([record("1", {**ANN, **traits}, at=at)])
        (profile,) = (await snapshot(one)).live.values()
        was[profile.version] = dump(profile.content)
    told = (await versions(one))[profile.id]
    assert sum(version.whole for version in told) == 3
    assert {version.number: dump(read_back(told, version.number)) for version in told} == was


async def test_a_merge_says_in_both_profiles_with_whom(rt: Runtime) -> None:
    one = await tenant(rt)
    await one.take([record("1", ANN, at=0), record("2", {"email": "bob@mail.example"}, at=1)])
    ids = {r.name[1]: r.id for r in (await snapshot(one)).records.values()}
    await one.take([record("2", ANN, at=2)])
    rows = await one.rows(
        "SELECT profile_id, reason, other_id FROM profile_versions WHERE workspace_id = :workspace_id AND version = 2"
    )
    assert {row["profile_id"]: (row["reason"], row["other_id"]) for row in rows} == {
        ids["1"]: ("merged", ids["2"]),
        ids["2"]: ("merged_into", ids["1"]),
    }
    await one.take([record("2", {"email": "bob@mail.example"}, at=3)])
    rows = await one.rows(
        "SELECT profile_id, reason, other_id FROM profile_versions WHERE workspace_id = :workspace_id AND version = 3"
    )
    assert {row["profile_id"]: (row["reason"], row["other_id"]) for row in rows} == {
        ids["1"]: ("split", ids["2"]),
        ids["2"]: ("split", ids["1"]),
    }


async def test_a_version_names_the_messages_that_caused_it(rt: Runtime) -> None:
    one = await tenant(rt)
    first = await one.take([record("1", ANN, at=0, id="a")])
    second = await one.take([record("1", {"plan": "pro"}, at=1, id="b"), record("2", ANN, at=1, id="c")])
    rows = await one.rows(
        "SELECT version, log_ids FROM profile_versions WHERE workspace_id = :workspace_id ORDER BY version"
    )
    assert [sorted(row["log_ids"]) for row in rows] == [sorted(first.values()), sorted(second.values())]


@pytest.mark.parametrize("value", [1e17, -0.0, 1e22, 1e-7, 100.0, [1.0, {"a": -1e16}], 2**63 - 1, True], ids=repr)
@pytest.mark.parametrize("kept", ["public", "personal"])
async def test_a_value_comes_back_exactly_as_it_was_said_and_is_not_news_the_second_time(
    rt: Runtime, value: Any, kept: Literal["public", "personal"]
) -> None:
    one = await tenant(rt, traits=[Trait("thing", "json", kept)])
    await one.take([record("1", {"thing": value})])
    await one.take([record("1", {"thing": value}, at=1)])
    (profile,) = (await snapshot(one)).live.values()
    assert repr(profile.content.traits["thing"]) == repr(value)
    assert ("thing" in profile.public) is (kept == "public")
    assert profile.version == 1
