"""./run and ./test on machines that are bare, odd or half done; the long way of a fresh clone is slow."""

import os
import pwd
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.starting.conftest import ROOT

COLD_LIMIT = 60.0
WARM_LIMIT = 3.0
REQUIREMENTS = [ROOT / "requirements" / name for name in ("run.txt", "test.txt")]


def clone(place: Path) -> Path:
    """A fresh copy of the project, without what is made by starting it."""
    for name in ("app", "migrations", "requirements"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("run", "test", "pyproject.toml"):
        shutil.copy2(ROOT / name, place / name)
    return place


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return clone(tmp_path / "a path with spaces")


def sh(project: Path, *argv: str, path: Path | str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [project / "run", *argv],
        cwd="/",
        env={"PATH": str(path), "HOME": "", **env},
        capture_output=True,
        text=True,
        check=False,
    )


def programs(place: Path, *names: str) -> Path:
    """A PATH with the tools of any POSIX system, and no Python."""
    place.mkdir()
    for name in ("sh", "dirname", "cksum", "cat", "mkdir", "rm", "sleep", "kill", "mv", "chmod", "readlink", *names):
        found = shutil.which(name)
        if found:
            (place / name).symlink_to(found)
    return place


def script(place: Path, text: str) -> None:
    place.write_text(f"#!/bin/sh\n{text}\n")
    place.chmod(0o755)


def test_no_python_is_one_sentence(project: Path, tmp_path: Path) -> None:
    done = sh(project, path=programs(tmp_path / "bin"))
    assert done.returncode == 1
    assert (
        done.stderr.splitlines()[-1] == "Python 3.11 or newer is needed and none was found; install it and start again."
    )
    assert not (project / ".venv-turn").exists()


def test_an_old_python_is_none(project: Path, tmp_path: Path) -> None:
    path = programs(tmp_path / "bin")
    script(path / "python3", "exit 1")
    assert "Python 3.11 or newer is needed" in sh(project, path=path).stderr


def test_a_missing_venv_module_says_what_to_install(project: Path, tmp_path: Path) -> None:
    path = programs(tmp_path / "bin")
    script(path / "python3", 'case "$2" in *ensurepip*) exit 1;; esac; exit 0')
    done = sh(project, path=path)
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr.splitlines()[-1]


def test_a_foreign_tree_is_not_waited_for(project: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    shared = Path("/tmp") / f"samewise-foreign-{os.getpid()}"  # noqa: S108  pytest's own directories are closed to others
    shutil.copytree(project, shared)
    try:
        nobody = pwd.getpwnam("nobody")
        done = subprocess.run(
            [shared / "run"], user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[], capture_output=True, text=True,
            check=False, timeout=20,
        )  # fmt: skip
        assert done.returncode == 1
        assert "may not write in" in done.stderr
    finally:
        shutil.rmtree(shared)


def made(project: Path) -> Path:
    """A .venv that is done, as far as the scripts can tell; its `cdp` tells how it was called."""
    venv = project / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    script(venv / "bin" / "python", "exit 0")
    script(venv / "bin" / "cdp", 'printf "%s|" "$@"; printf "%s" "$CDP_DATA_DIR"')
    for name in ("run", "test"):
        sum_of = subprocess.run(
            ["cksum"], stdin=(project / "requirements" / f"{name}.txt").open(), capture_output=True, check=True
        )
        (venv / f"installed-{name}").write_bytes(sum_of.stdout)
    return venv


def test_arguments_go_on_to_cdp_up_and_data_stays_with_the_project(project: Path, tmp_path: Path) -> None:
    venv = made(project)
    done = sh(project, "--port", "80 01", path=programs(tmp_path / "bin"))
    assert done.stdout == f"up|--port|80 01|{project}/.data"
    assert (venv / "lib/python3.11/site-packages/samewise.pth").read_text() == f"{project}\n"
    done = sh(project, path=tmp_path / "bin", CDP_DATA_DIR="/elsewhere")
    assert done.stdout == "up|/elsewhere"


def test_a_turn_that_was_never_given_back_is_taken(project: Path, tmp_path: Path) -> None:
    turn = project / ".venv-turn"
    turn.mkdir()
    ended = subprocess.Popen(["true"])
    ended.wait()
    (turn / "pid").write_text(str(ended.pid))
    done = sh(project, path=programs(tmp_path / "bin"))
    assert "Python 3.11 or newer is needed" in done.stderr


@pytest.mark.parametrize("file", REQUIREMENTS, ids=lambda file: file.name)
def test_every_requirement_is_pinned_and_hashed_and_names_no_host(file: Path) -> None:
    text = file.read_text()
    names = re.findall(r"^[A-Za-z0-9].*", text, re.M)
    assert all("==" in name for name in names)
    assert all("--hash=sha256:" in block for block in re.split(r"\n(?=[A-Za-z0-9])", text))
    assert "://" not in text
    assert "--index" not in text


def test_the_test_requirements_hold_the_others_word_for_word() -> None:
    run, test = (set(re.findall(r"^[A-Za-z0-9].*==\S+", file.read_text(), re.M)) for file in REQUIREMENTS)
    assert run < test


@pytest.fixture
def fresh() -> Iterator[Path]:
    """A clone that any account of this machine can reach."""
    home = Path("/tmp") / f"samewise clone {os.getpid()}"  # noqa: S108  pytest's own directories are closed to others
    home.mkdir()
    yield clone(home / "samewise")
    shutil.rmtree(home)


@pytest.mark.slow
@pytest.mark.parametrize("who", ["root", "nobody"])
def test_a_fresh_clone_starts_cold_in_a_minute_and_warm_in_seconds(fresh: Path, tmp_path: Path, who: str) -> None:
    """With pip: from nothing to `cdp` talking; then from the command to a prepared database."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    account = pwd.getpwnam(who)
    for path in (fresh, *fresh.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid)
    environment = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    environment |= {"PATH": "/usr/bin:/bin", "HOME": ""}

    def timed(*argv: str | Path) -> float:
        began = time.monotonic()
        done = subprocess.run(
            argv, cwd="/", env=environment, user=account.pw_uid, group=account.pw_gid, extra_groups=[],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return time.monotonic() - began

    assert timed(fresh / "run", "--help") < COLD_LIMIT
    environment["CDP_DATA_DIR"] = str(fresh / ".data")
    timed(fresh / ".venv" / "bin" / "cdp", "migrate")
    assert timed(fresh / ".venv" / "bin" / "cdp", "migrate") < WARM_LIMIT
