"""`cdp up` from start to stop, with real servers and stand-ins for the API and the worker."""

import os
import signal
import socket
import threading
import time

import psutil
import pytest

from app.embedded import running
from tests.starting.conftest import ROOT, Start, Up, get, gone

BACK_IN = 1.5
"""Seconds; a stand-in starts at once, so this is the supervisor's own time."""


def answered_by(up: Up, other_than: str, seconds: float) -> str:
    """The process id that answers, once it is another one."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if (found := get(up.url)) != other_than:
                return found
        except OSError:
            time.sleep(0.02)
    pytest.fail(f"no other process answers after {seconds} s")


def test_it_says_where_to_click_and_ctrl_c_ends_everything_with_zero(start: Start) -> None:
    up = start().ready()
    text = up.output.read_text()
    assert f"Samewise is ready: {up.url}" in text
    assert "token --scope ingest:write" in text
    family = up.family()
    assert len(family) >= 4
    assert up.interrupt() == 0
    assert gone(family, 0.5)
    assert up.output.read_text().endswith("Stopped.\n")
    assert running(start.home / "data") is None


def test_the_real_api_and_worker_serve_survive_a_kill_and_end_in_order(start: Start) -> None:
    start.tree = ROOT
    up = start("real").ready()
    assert get(f"{up.url}/readyz") == "ok"
    for module, name in (("app.api.serve", "api"), ("app.workers.main", "worker-1")):
        (victim,) = up.children(module)
        victim.kill()
        up.wait(f"{name} ended by SIGKILL")
    deadline = time.monotonic() + 10
    while not up.children("app.workers.main") or not answers(up):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    family = up.family()
    assert up.interrupt() == 0
    assert gone(family, 0.5)
    assert "SIGKILL" not in up.output.read_text().partition("Stopping")[2]


def answers(up: Up) -> bool:
    try:
        return get(f"{up.url}/readyz") == "ok"
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_polite_signal_ends_everything_as_well(start: Start, number: signal.Signals) -> None:
    up = start().ready()
    family = up.family()
    up.process.send_signal(number)
    assert up.process.wait(60) == 0
    assert gone(family, 0.5)


def test_what_is_being_answered_is_answered_before_the_end(start: Start) -> None:
    up = start().ready()
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(get(f"{up.url}/slow")))
    asking.start()
    time.sleep(0.3)
    assert up.interrupt() == 0
    asking.join()
    assert len(answers) == 1


def test_a_killed_api_answers_again_within_a_second(start: Start) -> None:
    up = start().ready()
    before = get(up.url)
    os.kill(int(before), signal.SIGKILL)
    answered_by(up, before, BACK_IN)
    up.wait("api ended by SIGKILL; starting it again")


def test_killed_workers_and_servers_come_back(start: Start) -> None:
    up = start("data", "--workers", "2").ready()
    for name in ("app.workers.main", "postgres", "valkey-server"):
        before = {p.pid for p in up.children(name)}
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while victim in {p.pid for p in up.children(name)} or len(up.children(name)) < len(before):
            assert time.monotonic() < deadline, name
            time.sleep(0.02)
    assert up.interrupt() == 0


def test_killed_itself_it_leaves_no_process_and_starts_again(start: Start) -> None:
    up = start().ready()
    family = up.family()
    up.process.kill()
    up.process.wait()
    assert gone(family)
    assert start().ready().interrupt() == 0


def test_two_run_side_by_side(start: Start) -> None:
    first, second = start("first"), start("second")
    assert get(first.ready().url) != get(second.ready().url)
    assert first.interrupt() == 0
    assert get(second.url)


def test_a_taken_port_is_told_before_anything_is_started(start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        up = start("data", "--port", str(port))
        assert up.process.wait(30) == 1
    sentence = up.output.read_text()
    assert sentence.startswith(f"Port {port} is taken; choose another with ./run --port ")
    assert sentence.count("\n") == 1
    assert not (start.home / "data").exists()


def test_a_second_one_on_the_same_data_directory_is_refused_and_harms_nothing(start: Start) -> None:
    first = start().ready()
    data = start.home / "data"
    second = Up(start.tree, data, "--no-demo")
    assert second.process.wait(30) == 1
    assert f"Another cdp uses the data directory {data}" in second.output.read_text()
    assert get(first.url)


def test_ctrl_c_in_the_middle_of_starting_leaves_nothing(start: Start) -> None:
    for after in (0.2, 0.6, 1.0, 1.4):
        up = start(f"after-{after}")
        time.sleep(after)
        family = psutil.Process(up.process.pid).children(recursive=True)
        os.killpg(up.process.pid, signal.SIGINT)
        code = up.process.wait(60)
        assert code in {0, 130, -signal.SIGINT}, "before its signals are set, Python itself ends it"
        assert gone(family, 0.5), after


def test_with_both_urls_nothing_is_embedded(start: Start) -> None:
    first = start("first").ready()
    servers = running(start.home / "first")
    assert servers is not None
    urls = {"CDP_DATABASE_URL": servers.database_url, "CDP_REDIS_URL": servers.redis_url}
    second = start("second", **urls).ready()
    assert not second.children("postgres")
    assert not second.children("valkey-server")
    assert not {p.name for p in (start.home / "second").iterdir()} & {"postgres", "valkey", "lock", "servers.json"}
    assert second.interrupt() == 0
    assert first.interrupt() == 0


def test_an_api_that_never_starts_ends_in_one_sentence(start: Start) -> None:
    (start.home / "data" / "logs").mkdir(parents=True)
    (start.home / "data" / "logs" / "break").touch()
    up = start()
    assert up.process.wait(30) == 1
    assert "The API does not start; logs/api.log in the data directory says why." in up.output.read_text()
    assert "broken on purpose" in (start.home / "data" / "logs" / "api.log").read_text()
