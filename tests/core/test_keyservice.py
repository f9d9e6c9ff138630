"""The key file: private, whole, never overwritten, and old root keys keep opening."""

import json
import multiprocessing
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.crypto.keyring import Tampered
from app.core.crypto.keyservice import KeyFile, KeyService, UnknownRoot
from app.core.errors import CdpError, Conflict, NotFound, Refused

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "root.json"


def test_a_key_that_was_wrapped_comes_back_for_its_context_only(path: Path) -> None:
    service: KeyService = KeyFile.create(path, now=NOW)
    wrapped = service.wrap(KEY, "workspace 1, key 1")
    assert service.unwrap(wrapped, "workspace 1, key 1") == KEY
    assert KEY not in wrapped
    with pytest.raises(Tampered):
        service.unwrap(wrapped, "workspace 2, key 1")


def test_a_changed_byte_of_a_wrapped_key_is_found(path: Path) -> None:
    service = KeyFile.create(path, now=NOW)
    wrapped = service.wrap(KEY, "c")
    for at in range(len(wrapped)):
        changed = wrapped[:at] + bytes([wrapped[at] ^ 1]) + wrapped[at + 1 :]
        with pytest.raises((Tampered, UnknownRoot)):
            service.unwrap(changed, "c")
        with pytest.raises((Tampered, UnknownRoot)):
            service.unwrap(wrapped[:at], "c")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> KeyFile:
    return KeyFile.create(tmp_path_factory.mktemp("keys") / "root.json", now=NOW)


@given(noise=st.binary(max_size=80) | st.binary(max_size=80).map(lambda rest: b"\x01" + rest))
def test_noise_is_refused_in_a_kind_of_ours(service: KeyFile, noise: bytes) -> None:
    with pytest.raises(CdpError):
        service.unwrap(noise, "c")


def test_the_file_and_its_directory_are_private(path: Path) -> None:
    umask = os.umask(0)
    try:
        KeyFile.create(path, now=NOW)
    finally:
        os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["root.json"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610, 0o601])
def test_a_file_that_others_can_read_is_refused_with_the_remedy(path: Path, mode: int) -> None:
    KeyFile.create(path, now=NOW)
    path.chmod(mode)
    with pytest.raises(Refused, match="chmod 600") as caught:
        KeyFile(path)
    assert "\n" not in str(caught.value)


def test_a_key_file_is_never_overwritten(path: Path) -> None:
    KeyFile.create(path, now=NOW)
    before = path.read_bytes()
    with pytest.raises(Conflict):
        KeyFile.create(path, now=NOW)
    assert KeyFile.open(path, now=NOW, create=True).current
    assert path.read_bytes() == before


def test_without_being_told_none_is_made(path: Path) -> None:
    with pytest.raises(NotFound, match="CDP_KEY_FILE"):
        KeyFile.open(path, now=NOW, create=False)
    assert not path.exists()


def test_rotation_wraps_with_the_new_key_and_still_opens_the_old(path: Path) -> None:
    service = KeyFile.create(path, now=NOW)
    first, wrapped = service.current, service.wrap(KEY, "c")
    second = service.rotate_root(now=NOW)
    assert service.roots == (first, second)
    assert (service.current, KeyFile(path).current) == (second, second)
    assert first.encode() in wrapped
    assert second.encode() in service.wrap(KEY, "c")
    assert KeyFile(path).unwrap(wrapped, "c") == KEY


def test_a_process_that_read_the_file_before_a_rotation_opens_what_came_after(path: Path) -> None:
    early = KeyFile.create(path, now=NOW)
    late = KeyFile(path)
    late.rotate_root(now=NOW)
    assert early.unwrap(late.wrap(KEY, "c"), "c") == KEY


def test_another_installation_cannot_unwrap(path: Path, tmp_path: Path) -> None:
    wrapped = KeyFile.create(path, now=NOW).wrap(KEY, "c")
    with pytest.raises(UnknownRoot):
        KeyFile.create(tmp_path / "other.json", now=NOW).unwrap(wrapped, "c")


def _start(path: Path, out: "multiprocessing.SimpleQueue[str]") -> None:
    out.put(KeyFile.open(path, now=NOW, create=True).current)


def _rotate(path: Path, out: "multiprocessing.SimpleQueue[str]") -> None:
    out.put(KeyFile(path).rotate_root(now=NOW))


def at_once(job: object, path: Path, times: int) -> list[str]:
    fork = multiprocessing.get_context("fork")
    out = fork.SimpleQueue()
    processes = [fork.Process(target=job, args=(path, out)) for _ in range(times)]  # type: ignore[arg-type]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert all(process.exitcode == 0 for process in processes)
    return [out.get() for _ in processes]


def test_processes_that_start_together_agree_on_one_file(path: Path) -> None:
    assert len(set(at_once(_start, path, 6))) == 1


def test_rotations_at_the_same_time_lose_no_root_key(path: Path) -> None:
    first = KeyFile.create(path, now=NOW).current
    added = at_once(_rotate, path, 6)
    assert set(KeyFile(path).roots) == {first, *added}
    assert len(KeyFile(path).roots) == 7


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"format": 1}',
        b'{"format":1,"current":"a","roots":{"a":{"key":"AA==","created_at":""}}}',
    ],
)
def test_a_damaged_file_is_refused_in_one_sentence(path: Path, content: bytes) -> None:
    KeyFile.create(path, now=NOW)
    path.write_bytes(content)
    with pytest.raises(Refused, match="damaged"):
        KeyFile(path)


def test_a_directory_in_its_place_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(Refused, match="not a file"):
        KeyFile(path)


def test_nothing_shown_holds_a_key(path: Path) -> None:
    service = KeyFile.create(path, now=NOW)
    for entry in json.loads(path.read_text())["roots"].values():
        assert entry["key"] not in repr(service)
