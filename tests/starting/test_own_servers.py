"""The same code on a PostgreSQL of the user's: Debian's, of another version, where it is installed."""

import os
import pwd
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.starting.conftest import ROOT, Start, get

SYSTEM = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
pytestmark = pytest.mark.skipif(not SYSTEM, reason="no PostgreSQL in /usr/lib/postgresql; apt install postgresql")


@pytest.fixture
def database_url() -> Iterator[str]:
    """A cluster of the system's newest PostgreSQL, and a role that owns its database and is no superuser."""
    account: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="own-", dir="/tmp") as home:
        if os.geteuid() == 0:
            postgres = pwd.getpwnam("postgres")
            os.chown(home, postgres.pw_uid, postgres.pw_gid)
            account = {"user": postgres.pw_uid, "group": postgres.pw_gid, "extra_groups": []}
        programs = SYSTEM[-1].parent
        quiet: dict[str, Any] = {"cwd": home, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **account}
        initdb = [programs / "initdb", "-D", f"{home}/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, check=True, **quiet)
        server = subprocess.Popen([programs / "postgres", "-D", f"{home}/data", "-h", "", "-k", home], **quiet)
        psql = [programs / "psql", "-h", home, "-U", "postgres", "-q", "-v", "ON_ERROR_STOP=1"]
        try:
            deadline = time.monotonic() + 30
            while subprocess.run([*psql, "-c", "SELECT 1"], check=False, **quiet).returncode != 0:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            subprocess.run([*psql, "-c", "CREATE ROLE mine LOGIN CREATEROLE"], check=True, **quiet)
            subprocess.run([*psql, "-c", "CREATE DATABASE shop OWNER mine"], check=True, **quiet)
            yield f"postgresql://mine@/shop?host={home}"
        finally:
            server.terminate()
            server.wait()


def test_the_product_runs_on_it_as_a_role_that_is_no_superuser(start: Start, database_url: str) -> None:
    start.tree = ROOT
    up = start("data", CDP_DATABASE_URL=database_url).ready()
    assert get(f"{up.url}/readyz") == "ok"
    assert not up.children("postgres")
    assert up.children("valkey-server")
    assert up.interrupt() == 0
