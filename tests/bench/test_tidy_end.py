"""A benchmark that is told to end leaves nothing behind: no server, no directory."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from bench.processes import own_environment

BUSY = """
import asyncio
from bench.house import house

with house() as home:
    print(home.postgres_pid, flush=True)
    asyncio.run(asyncio.sleep(60))
"""


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_a_benchmark_that_is_told_to_end_clears_its_house_away(tmp_path: Path, signum: signal.Signals) -> None:
    environment = own_environment() | {"TMPDIR": str(tmp_path)}
    bench = subprocess.Popen([sys.executable, "-c", BUSY], env=environment, stdout=subprocess.PIPE, text=True)
    assert bench.stdout is not None
    postgres = int(bench.stdout.readline())
    assert psutil.pid_exists(postgres)
    assert list(tmp_path.glob("samewise-bench-*"))
    bench.send_signal(signum)
    assert bench.wait(30) == 128 + signum
    assert not psutil.pid_exists(postgres)
    assert not list(tmp_path.iterdir())
