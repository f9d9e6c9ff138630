"""Servers and their parent are killed with -9 at moments that matter, and come back without a hand."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from app.embedded import Embedded, running
from app.embedded.account import server_account
from app.embedded.place import claim
from app.embedded.programs import usable_programs
from tests.embedded.conftest import Parent, alive, all_end

linux = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="children are tied to a parent on Linux only")
HEALED_IN = 10.0


def kill(pid: Callable[[], int | None]) -> None:
    """Kill the server that `pid` tells, and wait until it is told no more."""
    server = pid()
    assert server is not None
    os.kill(server, signal.SIGKILL)
    while pid() is not None:
        time.sleep(0.001)


async def test_a_killed_postgresql_comes_back_with_every_commit(embedded: Embedded) -> None:
    servers = running(embedded.data_dir)
    assert servers is not None
    conn = await asyncpg.connect(servers.database_url)
    await conn.execute("CREATE TABLE ledger AS SELECT generate_series(1, 10000) AS n")
    kill(lambda: embedded.postgres_pid)
    began = time.monotonic()
    assert embedded.ensure_alive() == ["postgresql"]
    assert time.monotonic() - began < HEALED_IN
    conn.terminate()
    conn = await asyncpg.connect(servers.database_url)
    assert await conn.fetchval("SELECT count(*) FROM ledger") == 10000
    await conn.close()


def test_a_killed_valkey_comes_back_and_the_living_are_left_alone(embedded: Embedded) -> None:
    postgres = embedded.postgres_pid
    kill(lambda: embedded.valkey_pid)
    assert embedded.ensure_alive() == ["valkey"]
    assert embedded.ensure_alive() == []
    assert embedded.postgres_pid == postgres


def test_a_log_of_valkey_that_cannot_be_read_is_set_aside(tmp_path: Path) -> None:
    embedded = Embedded(tmp_path / "data")
    with embedded:
        pass
    for part in (tmp_path / "data" / "valkey" / "appendonlydir").glob("*.aof"):
        part.write_bytes(b"*1\r\n$-9\r\nnonsense\r\n" * 100)
    with embedded:
        assert embedded.valkey_pid is not None
    assert list((tmp_path / "data" / "valkey").glob("unreadable-*"))


@linux
def test_a_killed_parent_leaves_no_process(tmp_path: Path, parent_of: Callable[..., Parent]) -> None:
    parent = parent_of(tmp_path / "data")
    family = parent.family()
    assert len(alive(family)) > 2
    parent.kill()
    assert all_end(family, 10)


def test_the_next_start_right_after_a_killed_parent_waits_for_what_is_left(
    tmp_path: Path, parent_of: Callable[..., Parent]
) -> None:
    parent = parent_of(tmp_path / "data")
    parent.kill()
    with Embedded(tmp_path / "data") as servers:
        assert servers == parent.servers


def test_servers_that_were_left_behind_are_ended_first(tmp_path: Path) -> None:
    """Where the kernel cannot tie children to their parent, a killed parent leaves its servers running."""
    with Embedded(tmp_path / "data"):
        pass
    place, lock = claim(tmp_path / "data")
    lock.release()
    programs = usable_programs(place.account)
    who: dict[str, Any] = (
        {"user": place.account.uid, "group": place.account.gid, "extra_groups": []} if place.account else {}
    )
    at = "/proc/self/cwd" if place.account else str(place.postgres)
    left = subprocess.Popen(
        [programs.postgres, "-D", at, "-h", "", "-k", place.sockets],
        cwd=place.postgres,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **who,
    )
    try:
        pid_file = place.postgres / "postmaster.pid"
        while not pid_file.exists() or "ready" not in pid_file.read_text():
            time.sleep(0.01)
        embedded = Embedded(tmp_path / "data")
        with embedded:
            assert left.wait(5) == 0, "ended in order, not killed"
            assert embedded.postgres_pid != left.pid
    finally:
        left.kill()
        left.wait()


@pytest.mark.parametrize(("program", "directory"), [("sleep", "data/postgres"), ("postgres", "data")])
def test_a_pid_that_belongs_to_somebody_else_by_now_is_not_signalled(
    tmp_path: Path, program: str, directory: str
) -> None:
    embedded = Embedded(tmp_path / "data")
    with embedded:
        pass
    account = server_account(tmp_path / "data" / "postgres")  # PostgreSQL looks only at pids of its own account
    bystander = subprocess.Popen(
        [program, "60"],
        executable=shutil.which("sleep"),
        cwd=tmp_path / directory,
        user=account.uid if account and program == "sleep" else None,
    )
    try:
        for name in ("postgres/postmaster.pid", "valkey/valkey.pid"):
            line = f"{bystander.pid}\n{tmp_path}/data/postgres\n1\n5432\n\n\n  1 1\nready\n"
            (tmp_path / "data" / name).write_text(line)
        with embedded:
            assert embedded.postgres_pid not in {None, bystander.pid}
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@linux
@pytest.mark.parametrize("after", [0.05, 0.15, 0.3, 0.45])
def test_a_kill_while_the_database_is_being_made_leaves_none_or_all_of_it(tmp_path: Path, after: float) -> None:
    code = (
        "import sys; from pathlib import Path; from app.embedded import Embedded; Embedded(Path(sys.argv[1])).start()"
    )
    data = tmp_path / "data"
    making = subprocess.Popen([sys.executable, "-c", code, str(data)], env={"PYTHONPATH": os.getcwd()})
    while not list(data.glob("postgres.new-*")):
        time.sleep(0.005)
    time.sleep(after)
    making.kill()
    making.wait()
    with Embedded(data) as servers:
        assert servers.database_url
    with Embedded(data):
        assert not list(data.glob("postgres.new-*"))


def test_stop_leaves_no_process_and_no_socket(tmp_path: Path) -> None:
    embedded = Embedded(tmp_path / "data")
    servers = embedded.start()
    assert embedded.postgres_pid is not None
    assert embedded.valkey_pid is not None
    family = [psutil.Process(embedded.postgres_pid), psutil.Process(embedded.valkey_pid)]
    family += family[0].children(recursive=True)
    embedded.stop()
    embedded.stop()
    assert all_end(family, 1)
    assert not Path(servers.redis_url.removeprefix("unix://")).parent.exists()
    assert not list((tmp_path / "data" / "postgres").glob("postmaster.pid"))
