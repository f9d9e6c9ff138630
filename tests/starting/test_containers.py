"""Dockerfile and compose.yaml, read: there is no container engine here, so what they name is checked instead."""

import json
import re
import subprocess
import sys
import time
from typing import Any

import pytest
import yaml
from typer.main import get_command

from app.cli.main import COMMANDS, build
from app.core.settings import Settings
from app.embedded.postgres_settings import BUSY, QUIET
from tests.starting.conftest import ROOT, STAND_IN_API, free_port, get

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if service.get("build")}
SETTINGS = {f"CDP_{name}".upper() for name in Settings.model_fields}
FINAL = DOCKERFILE.rpartition("\nFROM ")[2]


def test_the_services_run_commands_that_there_are() -> None:
    assert {name: service["command"] for name, service in OURS.items()} == {
        "migrate": ["cdp", "migrate"],
        "api": ["cdp", "serve"],
        "worker": ["cdp", "worker"],
    }
    named = {service["command"][1] for service in OURS.values()} | set(re.findall(r'"cdp", "(\w+)"', FINAL))
    assert named <= set(get_command(build(COMMANDS)).commands)  # type: ignore[attr-defined]


def test_only_settings_that_there_are_are_set() -> None:
    named = {name for service in OURS.values() for name in service["environment"]}
    assert {"CDP_DATABASE_URL", "CDP_REDIS_URL"} <= named
    assert named | set(re.findall(r"CDP_\w+", DOCKERFILE)) <= SETTINGS


def test_nothing_serves_before_the_schema_is_there() -> None:
    assert set(OURS["migrate"]["depends_on"]) == {"postgres", "valkey"}
    for name in ("api", "worker"):
        assert OURS[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    for name in ("postgres", "valkey"):
        assert COMPOSE["services"][name]["healthcheck"]["test"]


def test_the_database_logs_as_little_as_the_private_one() -> None:
    given = dict(word.removeprefix("--").split("=") for word in COMPOSE["services"]["postgres"]["command"][1:])
    for name in (*[name for name in QUIET if name in given], "max_locks_per_transaction", "deadlock_timeout"):
        assert given[name] == (QUIET | BUSY)[name], name
    assert {"log_min_messages", "log_min_error_statement", "log_error_verbosity"} <= set(given)
    assert {"log_parameter_max_length", "log_parameter_max_length_on_error"} <= set(given)


def test_no_password_stands_in_the_file_and_only_the_api_is_reachable_from_this_machine_alone() -> None:
    assert "${POSTGRES_PASSWORD:?" in COMPOSE["services"]["postgres"]["environment"]["POSTGRES_PASSWORD"]
    assert {name for name, service in COMPOSE["services"].items() if "ports" in service} == {"api"}
    assert OURS["api"]["ports"] == ["127.0.0.1:8000:8000"]


def test_the_final_stage_has_no_root_and_no_build_tools() -> None:
    assert DOCKERFILE.count("\nFROM ") == 2
    users = re.findall(r"^USER (\S+)", FINAL, re.M)
    assert users
    assert users[-1] not in {"0", "root"}
    assert not re.search(r"\b(apt|apt-get|gcc|make|pip|uv)\b", FINAL)


def test_what_is_copied_is_there_and_is_not_ignored() -> None:
    copied = set(re.findall(r"^COPY (?!--from)(\S+)", DOCKERFILE, re.M))
    assert copied == {"requirements/run.txt", "app", "migrations", "LICENSE"}
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == allowed
    assert all((ROOT / source).exists() for source in copied)


def test_the_health_check_passes_and_fails_as_it_should() -> None:
    found = re.search(r"HEALTHCHECK[^\n]*\\\n\s*CMD (\[.*\])", FINAL)
    assert found is not None
    argv = [sys.executable, *json.loads(found[1])[1:]]
    port = str(free_port())
    assert subprocess.run(argv, env={"CDP_PORT": port}, capture_output=True, check=False).returncode != 0
    server = subprocess.Popen(
        [sys.executable, "-c", STAND_IN_API],
        env={"CDP_HOST": "127.0.0.1", "CDP_PORT": port, "CDP_DATA_DIR": "/nonexistent"},
    )
    try:
        for _ in range(500):
            try:
                get(f"http://127.0.0.1:{port}/")
                break
            except OSError:
                time.sleep(0.02)
        else:
            pytest.fail("the stand-in does not start")
        assert subprocess.run(argv, env={"CDP_PORT": port}, capture_output=True, check=False).returncode == 0
    finally:
        server.kill()
        server.wait()
