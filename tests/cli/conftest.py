"""Commands as people type them: processes with the settings of the running product."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from app.cli.supervisor import child_environment
from app.cli.variables import variables
from tests.live import Live

Done = subprocess.CompletedProcess[str]


@dataclass
class Shell:
    """Runs `cdp` beside the running product."""

    live: Live

    async def cdp(self, *argv: str, **env: str) -> Done:
        settings = {**variables(self.live.settings), **env}
        return await asyncio.to_thread(run, argv, settings)

    async def said(self, *argv: str, **env: str) -> str:
        """What a command that works prints."""
        done = await self.cdp(*argv, **env)
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip("\n")

    async def refused(self, *argv: str, **env: str) -> str:
        """The sentence of a command that fails."""
        done = await self.cdp(*argv, **env)
        assert done.returncode == 1, (done.returncode, done.stdout)
        return done.stderr.splitlines()[-1]


def run(argv: tuple[str, ...], settings: Mapping[str, str]) -> Done:
    command = [sys.executable, "-P", "-m", "app.cli.main", *argv]
    return subprocess.run(command, env=child_environment(settings), capture_output=True, text=True, check=False)


@pytest.fixture
def shell(live: Live) -> Shell:
    return Shell(live)
