"""Project Wycheproof's AES-GCM vectors against the very ciphers that a keyring seals with."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from app.core.crypto.keyring import KEY_BYTES, Keyring

ROOT = Path(__file__).parents[2]
VECTORS = ROOT.parent / "shared" / "data" / "corpora" / "wycheproof" / "aes_gcm_test.json"


def vectors() -> list[dict[str, Any]]:
    """The tests with our parameters: 256-bit key, 96-bit nonce, 128-bit tag."""
    if not VECTORS.exists():
        pytest.skip("the Wycheproof vectors are not beside this repository")
    groups = json.loads(VECTORS.read_text("utf-8"))["testGroups"]
    return [
        test
        for group in groups
        if (group["keySize"], group["ivSize"], group["tagSize"]) == (256, 96, 128)
        for test in group["tests"]
    ]


def opened(test: dict[str, Any]) -> bytes | None:
    key, nonce, aad, sealed = (bytes.fromhex(test[name]) for name in ("key", "iv", "aad", "ct"))
    cipher = Keyring(1, {1: key}, 1, bytes(KEY_BYTES))._ciphers[1]
    try:
        return cipher.decrypt(nonce, sealed + bytes.fromhex(test["tag"]), aad)
    except InvalidTag:
        return None


def test_every_valid_vector_opens_and_no_invalid_one_does() -> None:
    found = {"valid": 0, "invalid": 0}
    for test in vectors():
        found[test["result"]] += 1
        expected = bytes.fromhex(test["msg"]) if test["result"] == "valid" else None
        assert opened(test) == expected, test["tcId"]
    assert found["valid"] >= 30
    assert found["invalid"] >= 15


def test_sealing_makes_the_vectors_ciphertexts() -> None:
    for test in vectors():
        if test["result"] != "valid":
            continue
        key, nonce, aad, msg = (bytes.fromhex(test[name]) for name in ("key", "iv", "aad", "msg"))
        cipher = Keyring(1, {1: key}, 1, bytes(KEY_BYTES))._ciphers[1]
        assert cipher.encrypt(nonce, msg, aad).hex() == test["ct"] + test["tag"], test["tcId"]
