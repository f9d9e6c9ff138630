"""One clock for everything that is stored: PostgreSQL's, carried on between two readings."""

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.core.clock import READ_EVERY, DatabaseClock
from app.core.runtime import Runtime

APP = Path(__file__).parents[2] / "app"
ASKS = ("datetime.now", "datetime.utcnow", "time.time")
MACHINE_TIME = {
    "cli/checks.py": "compares the machine's clock with the database's",
    "cli/evaluate.py": "dates a report on files, where no database need be",
    "cli/prepare.py": "dates keys that lie in files",
    "cli/token.py": "dates a token, which other machines read, where no database need be",
    "core/log.py": "dates lines of this machine's log",
    "core/runtime.py": "opens keys that lie in files",
}
"""The modules that may ask the machine for the time of day, and why."""


class Watch:
    """A steady clock that is turned by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class Database:
    """A database with a clock of its own; its answer takes as long as `takes`."""

    def __init__(self, watch: Watch, time: datetime, takes: float = 0.0) -> None:
        self.watch, self.time, self.takes = watch, time, takes
        self.is_away = False

    async def fetchval(self, _: str, **limits: float) -> datetime:
        if self.is_away:
            raise ConnectionResetError
        assert self.takes < limits["timeout"]
        self.watch.seconds += self.takes
        return self.time


FAR_AHEAD = datetime.now(UTC) + timedelta(days=2)


async def test_a_machine_two_days_behind_stores_the_databases_time() -> None:
    watch = Watch()
    clock = DatabaseClock(watch)
    await clock.read(Database(watch, FAR_AHEAD))
    watch.seconds += 3
    assert clock.now() == FAR_AHEAD + timedelta(seconds=3)


async def test_the_time_that_the_reading_took_is_halved() -> None:
    watch = Watch()
    clock = DatabaseClock(watch)
    await clock.read(Database(watch, FAR_AHEAD, takes=1.0))
    assert clock.now() == FAR_AHEAD + timedelta(seconds=0.5)


async def test_a_database_whose_clock_is_set_is_believed_within_seconds() -> None:
    watch = Watch()
    clock, database = DatabaseClock(watch), Database(watch, FAR_AHEAD)
    assert clock.is_due
    await clock.read(database)
    assert not clock.is_due
    watch.seconds += READ_EVERY
    database.time -= timedelta(hours=1)
    assert clock.is_due
    await clock.read(database)
    assert clock.now() == FAR_AHEAD - timedelta(hours=1)


async def test_a_reading_that_fails_is_repeated_and_the_last_one_holds() -> None:
    watch = Watch()
    clock, database = DatabaseClock(watch), Database(watch, FAR_AHEAD)
    await clock.read(database)
    watch.seconds += READ_EVERY
    database.is_away = True
    with pytest.raises(ConnectionResetError):
        await clock.read(database)
    assert clock.is_due
    assert clock.now() == FAR_AHEAD + timedelta(seconds=READ_EVERY)


async def test_a_running_process_agrees_with_its_database_to_a_twentieth_of_a_second(rt: Runtime) -> None:
    async with rt.lobby() as tx:
        before = rt.now()
        said = await tx.conn.fetchval("SELECT clock_timestamp()")
    tolerance = timedelta(milliseconds=50)
    assert before - tolerance <= said <= rt.now() + tolerance


def test_nothing_else_asks_the_machine_for_the_time_of_day() -> None:
    found = set()
    for place in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(place.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ASKS:
                found.add(place.relative_to(APP).as_posix())
    assert found == MACHINE_TIME.keys()
