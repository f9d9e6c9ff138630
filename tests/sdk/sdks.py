"""SDKs that nobody here wrote, each in a process and an environment of its own, pointed here by their host option."""

import asyncio
import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PATIENCE = 90.0
"""Seconds that an SDK may take to send everything, its waits between tries included."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What an SDK said that it did: the ids of all messages, and what it gave up on."""

    sent: list[str]
    errors: list[str]


@dataclass(frozen=True, slots=True)
class Sdk:
    """One SDK. `batch_of` and `tries` are its options' names for the events of a request and the tries of one."""

    name: str
    package: str
    language: str
    batch_of: str
    tries: str

    async def speak(
        self, url: str, key: str, calls: Sequence[dict[str, Any]], *, pace: float = 0, **options: Any
    ) -> Spoken:
        """Make the calls with the SDK and wait until it has flushed."""
        argv = [*await asyncio.to_thread(_interpreter, self), self.package, url, key]
        asked = json.dumps({"calls": calls, "pace": pace, "options": options}).encode()
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, stderr=pipe)
        try:
            output, complaints = await asyncio.wait_for(process.communicate(asked), PATIENCE)
        except TimeoutError:
            process.kill()
            pytest.fail(f"{self.name} has not ended after {PATIENCE} s")
        assert process.returncode == 0, complaints.decode()
        return Spoken(**json.loads(output.splitlines()[-1]))


SDKS = (
    Sdk("segment-analytics-python", "segment", "python", "upload_size", "max_retries"),
    Sdk("rudder-sdk-python", "rudderstack", "python", "upload_size", "max_retries"),
    Sdk("@segment/analytics-node", "segment", "node", "flushAt", "maxRetries"),
    Sdk("@rudderstack/rudder-sdk-node", "rudderstack", "node", "flushAt", "retryCount"),
)


def installed() -> list[Sdk]:
    """The SDKs that can be had here; installs them the first time."""
    return [sdk for sdk in SDKS if not isinstance(_made(sdk.language, sdk.package), str)]


def _interpreter(sdk: Sdk) -> list[str]:
    made = _made(sdk.language, sdk.package)
    if isinstance(made, str):
        pytest.skip(f"{sdk.name} is not here: {made}")
    return made


@cache
def _made(language: str, package: str) -> list[str] | str:
    """The command that speaks with the SDK; or why there is none."""
    return _python(package) if language == "python" else _node()


def _python(package: str) -> list[str] | str:
    venv, wanted = ROOT / f".venv-sdk-{package}", ROOT / "requirements" / f"sdk-{package}.txt"
    pip = [venv / "bin" / "python", "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input"]
    make = [[sys.executable, "-m", "venv", "--clear", venv], [*pip, "--require-hashes", "-r", wanted]]
    return _complaint(venv, wanted, make) or [str(venv / "bin" / "python"), str(HERE / "speak.py")]


def _node() -> list[str] | str:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return "node and npm are not installed."
    install = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"]
    return _complaint(HERE / "node_modules", HERE / "package.json", [install]) or [node, str(HERE / "speak.cjs")]


def _complaint(place: Path, wanted: Path, make: Sequence[Sequence[Any]]) -> str | None:
    """Run the commands unless `place` was made from this very file; return why they failed, if they did."""
    stamp, sum = place / "made-from", hashlib.sha256(wanted.read_bytes()).hexdigest()
    with wanted.open("rb") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # two test runs side by side must not make it at once
        if stamp.exists() and stamp.read_text() == sum:
            return None
        for argv in make:
            done = subprocess.run(argv, cwd=wanted.parent, capture_output=True, text=True, check=False)
            assert "DO NOT MATCH THE HASHES" not in done.stderr, done.stderr
            if done.returncode != 0:
                lines = (done.stdout + done.stderr).strip().splitlines() or ["no word of why"]
                return f"it could not be installed ({lines[-1].strip()})"
        stamp.write_text(sum)
    return None
