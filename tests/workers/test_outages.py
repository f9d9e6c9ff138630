"""A worker without its servers: it says so seldom, says what to do, and tries again ever more slowly."""

import io
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog

from app.cli.supervisor import child_environment, serving_commands
from app.cli.variables import variables
from app.core.log import set_up
from app.core.settings import Settings
from app.workers.outages import LEAST, MOST, Lack, Outages
from tests.live import free_port


class Watch:
    """A steady clock that is turned by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class Lines:
    """What this process logs, line by line."""

    def __init__(self) -> None:
        self._stream = io.BytesIO()
        set_up(stream=self._stream)

    def __call__(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self._stream.getvalue().splitlines()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    yield Lines()
    structlog.reset_defaults()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def outages(watch: Watch) -> Outages:
    return Outages(watch, random.Random(7))


def suffer(outages: Outages, watch: Watch, seconds: float, loop: str = "drain") -> list[float]:
    """Fail for a while; the waits that were told."""
    end, waits = watch.seconds + seconds, []
    while watch.seconds < end:
        waits.append(outages.failed(loop, Lack.DATABASE, ConnectionRefusedError()))
        watch.seconds += waits[-1]
    return waits


def test_waits_grow_from_a_second_to_half_a_minute(outages: Outages, watch: Watch, lines: Lines) -> None:
    waits = suffer(outages, watch, 3600)
    assert min(waits) >= LEAST
    assert max(waits[:3]) <= 1.5 * LEAST
    assert MOST / 2 < max(waits) <= MOST
    assert len(set(waits)) == len(waits), "several workers must not knock at once"
    assert lines()


def test_a_short_outage_delays_no_longer_than_a_quarter_of_itself(outages: Outages, watch: Watch, lines: Lines) -> None:
    assert suffer(outages, watch, 12)[-1] <= 3.0
    assert lines()


def test_an_hour_is_told_of_once_a_minute_and_its_end_once(outages: Outages, watch: Watch, lines: Lines) -> None:
    suffer(outages, watch, 3600)
    outages.well("drain")
    outages.well("drain")
    said = lines()
    assert 40 <= len(said) <= 62
    assert {line["event"] for line in said[:-1]} == {"worker_waits"}
    assert said[-1]["event"] == "worker_works_again"
    assert said[-1]["seconds"] >= 3600


def test_loops_that_lack_the_same_speak_once(outages: Outages, watch: Watch, lines: Lines) -> None:
    for loop in ("tend", "drain", "walk", "imports"):
        outages.failed(loop, Lack.DATABASE, ConnectionRefusedError())
    assert len(lines()) == 1
    for loop in ("walk", "tend", "drain"):
        outages.well(loop)
    assert len(lines()) == 1, "one of them still waits"
    outages.well("imports")
    assert [line["event"] for line in lines()] == ["worker_waits", "worker_works_again"]


def test_a_line_says_what_to_do_and_what_was_raised(outages: Outages, lines: Lines) -> None:
    outages.failed("drain", Lack.DATABASE, ConnectionRefusedError(111, "ada@example.com"))
    outages.failed("listen", Lack.QUEUE, ConnectionRefusedError(111, "ada@example.com"))
    database, queue = lines()
    assert "CDP_DATABASE_URL" in database["exception"]["message"]
    assert "CDP_REDIS_URL" in queue["exception"]["message"]
    assert database["exception"]["cause"]["type"] == "builtins.ConnectionRefusedError"
    assert "ada" not in orjson.dumps([database, queue]).decode()


def test_after_it_has_worked_again_a_loop_begins_with_short_waits(outages: Outages, watch: Watch, lines: Lines) -> None:
    suffer(outages, watch, 600)
    outages.well("drain")
    assert suffer(outages, watch, 1)[0] <= 1.5 * LEAST
    assert lines()[-1]["event"] == "worker_waits"


def test_a_worker_without_its_queue_server_says_so_in_one_line_and_works(settings: Settings, tmp_path: Path) -> None:
    nobody = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{free_port()}"})
    said = tmp_path / "worker.log"
    with said.open("wb") as log:
        worker = subprocess.Popen(
            serving_commands(1)["worker-1"], env=child_environment(variables(nobody)), stdout=log, stderr=log
        )
        try:
            deadline = time.monotonic() + 20
            while not said.stat().st_size and time.monotonic() < deadline:
                time.sleep(0.1)
            time.sleep(5)
            assert worker.poll() is None
        finally:
            worker.terminate()
            worker.wait(20)
    lines = [orjson.loads(line) for line in said.read_bytes().splitlines()]
    (line,) = [line for line in lines if line.get("component") == "queue"]
    assert (line["event"], line["loop"]) == ("worker_waits", "listen"), lines
