"""The folder of token keys: private files, the newest signs, nothing leaks."""

import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.core.errors import NotFound, Refused
from app.core.tokens.keys import SigningKeys, thumbprint

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_first_key_is_made_when_told_and_found_again(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    with pytest.raises(NotFound):
        SigningKeys.open(folder, now=NOW, create=False)
    made = SigningKeys.open(folder, now=NOW, create=True)
    assert SigningKeys.open(folder, now=NOW, create=True).current.kid == made.current.kid
    (path,) = folder.glob("*")
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_newest_key_signs_whatever_the_order_of_the_files(tmp_path: Path) -> None:
    keys = SigningKeys.open(tmp_path, now=NOW, create=True)
    for seconds in (3, 1, 2):
        keys = keys.rotate(now=NOW + timedelta(seconds=seconds))
        if seconds == 3:
            newest = keys.current.kid
    assert keys.current.kid == newest == keys.jwks()["keys"][0]["kid"]
    assert len(keys.verifiers) == len(keys.jwks()["keys"]) == 4


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    SigningKeys.open(tmp_path, now=NOW, create=True)
    next(tmp_path.glob("token-*")).chmod(0o644)
    with pytest.raises(Refused, match="chmod 600"):
        SigningKeys(tmp_path)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", b"\xff"])
def test_a_damaged_key_is_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token-1.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(Refused, match="no private key in PEM"):
        SigningKeys(tmp_path)


def test_nothing_shown_holds_a_private_key(tmp_path: Path) -> None:
    keys = SigningKeys.open(tmp_path, now=NOW, create=True)
    secret = keys.current.signer.key.to_dict()["d"]
    for shown in (repr(keys), repr(keys.current), repr(keys.jwks())):
        assert secret not in shown
        assert "PRIVATE" not in shown


def test_a_thumbprint_is_rfc_7638_s() -> None:
    """The example of RFC 7638, section 3.1."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3okn"
        "jhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qM"
        "QvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJz"
        "KnqDKgw"
    )
    assert thumbprint({"n": n, "e": "AQAB", "kty": "RSA"}) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def _open(folder: Path, out: "multiprocessing.SimpleQueue[str]") -> None:
    out.put(SigningKeys.open(folder, now=NOW, create=True).current.kid)


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    out = fork.SimpleQueue()
    processes = [fork.Process(target=_open, args=(tmp_path, out)) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert len({out.get() for _ in processes}) == 1
    assert len(list(tmp_path.glob("token-*"))) == 1
