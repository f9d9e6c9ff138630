"""What every command keeps: help with an example, and failures that are one sentence and an exit code."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from app.cli.main import COMMANDS, build, run
from tests.starting.conftest import ROOT


def commands(group: typer.main.TyperGroup, *path: str) -> Iterator[tuple[str, str]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *path, name)
        else:
            yield " ".join((*path, name)), command.help or ""


EVERY = dict(commands(get_command(build(COMMANDS))))


@pytest.mark.parametrize("name", EVERY)
def test_its_help_shows_an_example(name: str) -> None:
    assert f"cdp {name}" in EVERY[name].partition("Example")[2]


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["up", "--prot", "8001"], "No such option: --prot"),
        (["up", "--port", "none"], "Invalid value for '--port'"),
        (["nothing"], "No such command 'nothing'"),
    ],
)
def test_misuse_is_one_sentence(argv: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(argv) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(sentence)
    assert printed.err.count("\n") == 1


def cdp(*argv: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-P", "-m", "app.cli.main", *argv],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_bad_setting_is_named_without_its_value(tmp_path: Path) -> None:
    done = cdp("up", CDP_PORT="s3cret", CDP_DATA_DIR=str(tmp_path / "data"))
    assert done.returncode == 2
    assert done.stderr.startswith("The setting CDP_PORT is no good")
    assert "s3cret" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_database_that_is_away_is_one_sentence(tmp_path: Path) -> None:
    away = {"CDP_DATABASE_URL": "postgresql://me:s3cret@127.0.0.1:1/x", "CDP_REDIS_URL": "redis://127.0.0.1:1"}
    done = cdp("migrate", CDP_DATA_DIR=str(tmp_path / "data"), **away)
    assert done.returncode == 1
    assert done.stderr == "The database does not answer; see that it runs and that its URL is right.\n"


def test_migrate_starts_what_is_not_running_and_can_be_repeated(tmp_path: Path) -> None:
    data = str(tmp_path / "with spaces" / "data")
    for _ in range(2):
        done = cdp("migrate", "--json", CDP_DATA_DIR=data)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == {"migrated": True}


def test_a_folder_called_app_where_the_command_is_typed_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("raise SystemExit('the wrong app')")
    script = ROOT / ".venv" / "bin" / "cdp"
    if not script.exists():
        pytest.skip("not installed by ./run or ./test")
    done = subprocess.run([script, "--help"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
