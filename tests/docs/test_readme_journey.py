"""The README's first five minutes, letter by letter, in a fresh copy of the project."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.readme import README, ROOT, start, steps, the_same, walked
from tests.servers import forget_sockets
from tests.starting.conftest import free_port

PATIENCE = 180.0
"""Seconds from `./run` on nothing to the block that says what to try."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A fresh copy that runs, with an empty home."""

    place: Path
    port: int
    env: dict[str, str]


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    place, home, port = tmp_path / "samewise", tmp_path / "home", free_port()
    home.mkdir()
    for name in ("app", "migrations", "requirements"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("run", "pyproject.toml"):
        shutil.copy2(ROOT / name, place / name)
    env = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_"))}
    env |= {"PATH": os.environ["PATH"], "HOME": str(home), "CDP_PORT": str(port)}
    output = tmp_path / "output"
    with output.open("wb") as log:
        process = subprocess.Popen(["./run"], cwd=place, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + PATIENCE
        while "Ctrl-C stops everything" not in output.read_text():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.2)
        yield Installation(place, port, env)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 0, output.read_text()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        forget_sockets(place / ".data")


def test_the_readme_starts_with_two_commands() -> None:
    assert [line.split()[0] for line in start(README.read_text()).splitlines()] == ["git", "./run"]


@pytest.mark.slow
def test_the_first_five_minutes_are_as_the_readme_tells_them(installation: Installation) -> None:
    text = README.read_text().replace("127.0.0.1:8000", f"127.0.0.1:{installation.port}")
    wanted = steps(text)
    assert len(wanted) >= 8
    answers = walked(wanted, installation.place, installation.env)
    assert len(answers) == len(wanted)
    for step, answer in zip(wanted, answers, strict=True):
        assert the_same(answer) == the_same(step.answer or ""), step.commands
