"""What a killed run leaves is used by the next one, says nothing of anybody, and is never used for other records."""

import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from app.core.errors import Refused, Unavailable
from app.core.runtime import Runtime
from app.domain.bulk.chunks import forget
from app.domain.bulk.engine import Duck, table
from app.domain.bulk.partition import opened, snapshot
from app.domain.bulk.reading import read
from app.domain.bulk.rules import rules
from app.domain.bulk.scored import PAIRS, score
from app.identity.policy import Policy
from tests.domain.bulk.crowd import crowd
from tests.make import Tenant, record, tenant

pytest.importorskip("duckdb")

ON = Policy(2)


class Killed(Exception):
    """The process is gone."""


async def run(one: Tenant, home: Path, *, dies_at: int = 99) -> set[tuple[int, int, float]]:
    """Score the workspace five records at a time, as long as it lives."""

    def told(stage: str, done: int, _total: int | None) -> None:
        if stage == "Scoring" and done == dies_at:
            raise Killed

    async with one.rt.begin(one.id) as tx, opened(Duck("500MB")) as engine:
        await snapshot(tx)
        by = await rules(tx, one.keyring, ON)
        digest = await read(tx, one.keyring, by, engine, told, 0)
        await score(by, engine, digest, home, told, chunk=5)
        return set(engine.rows("SELECT a, b, score FROM pairs"))


async def test_a_run_goes_on_where_a_killed_one_was(rt: Runtime, tmp_path: Path) -> None:
    one, home = await tenant(rt, policy=ON), tmp_path / "bulk"
    await one.take(crowd())
    whole = await run(one, tmp_path / "other")
    with pytest.raises(Killed):
        await run(one, home, dies_at=2)
    done = sorted(home.rglob("*.parquet"))
    assert len(done) == 2
    pq.write_table(table(PAIRS, [(1, 2, 77.0)]), done[0])
    again = await run(one, home)
    assert (1, 2, 77.0) in again, "what was done is not done again"
    assert len(sorted(home.rglob("*.parquet"))) > 2
    done[0].unlink()
    assert await run(one, home) == whole


async def test_what_was_scored_of_other_records_is_forgotten(rt: Runtime, tmp_path: Path) -> None:
    one, home = await tenant(rt, policy=ON), tmp_path / "bulk"
    await one.take(crowd())
    await run(one, home)
    (before,) = home.iterdir()
    await one.take([record("1", {"city": "Linz"}, at=3)])
    after = await run(one, home)
    assert [each.name for each in home.iterdir()] != [before.name]
    assert after == await run(one, tmp_path / "other")
    forget(home)
    assert not home.exists()


async def test_no_file_holds_a_word_that_anybody_said(rt: Runtime, tmp_path: Path) -> None:
    one, home = await tenant(rt, policy=ON), tmp_path / "bulk"
    await one.take(crowd())
    await run(one, home)
    files = [place for place in tmp_path.rglob("*") if place.is_file()]
    assert files
    for place in files:
        held = place.read_bytes().lower()
        for word in ("oberhuber", "katharina", "ann@mail", "1981-03-04", "müßig", "user_id", "graz"):
            assert word.encode() not in held, (place, word)
    assert {oct(place.stat().st_mode & 0o777) for place in files} == {"0o600"}
    assert {oct(place.stat().st_mode & 0o777) for place in (home, *home.iterdir())} == {"0o700"}


def test_an_engine_that_runs_out_of_memory_says_so_and_writes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engine = Duck("40MB")
    with pytest.raises(Unavailable, match="--memory"):
        engine.run("CREATE TABLE t AS SELECT 'canary-' || hash(i) AS word FROM range(5000000) AS r(i)")
    with pytest.raises(Exception, match="disabled"):
        engine.run("COPY (SELECT 'canary') TO 'file.csv'")
    with pytest.raises(Exception, match="locked"):
        engine.run("SET temp_directory = 'spill'")
    engine.close()
    assert os.listdir(tmp_path) == []


def test_an_amount_of_memory_that_is_none_is_refused() -> None:
    with pytest.raises(Refused, match="4GB"):
        Duck("much")
