"""Project Wycheproof's JWS vectors through the very gate that access tokens go through."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import Refused
from app.core.tokens.jws import TokenRefused, Verifier, verify

ROOT = Path(__file__).parents[2]
VECTORS = ROOT.parent / "shared" / "data" / "corpora" / "wycheproof" / "json_web_signature_test.json"


def vectors() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Every vector with its key; the key of a symmetric group is its secret."""
    if not VECTORS.exists():
        pytest.skip("the Wycheproof vectors are not beside this repository")
    groups = json.loads(VECTORS.read_text("utf-8"))["testGroups"]
    return [(group.get("public") or group["private"], test) for group in groups for test in group["tests"]]


def accepted(jwk: dict[str, Any], token: object) -> bool:
    """Whether the gate takes the token under this key."""
    try:
        verifier = Verifier.from_jwk(jwk)
        verify(str(token), {jwk["kid"]: verifier}, typ=None)
    except (Refused, TokenRefused):
        return False
    return True


def test_no_invalid_vector_is_accepted() -> None:
    invalid = [(jwk, test) for jwk, test in vectors() if test["result"] == "invalid"]
    assert len(invalid) == 355
    assert [test["tcId"] for jwk, test in invalid if accepted(jwk, test["jws"])] == []


def test_every_valid_vector_of_our_algorithms_is_accepted() -> None:
    ours = [
        (jwk, test) for jwk, test in vectors() if test["result"] == "valid" and jwk.get("alg") in ("ES256", "RS256")
    ]
    assert Counter(jwk["alg"] for jwk, _ in ours) == {"ES256": 2, "RS256": 8}
    assert [test["tcId"] for jwk, test in ours if not accepted(jwk, test["jws"])] == []


def test_no_vector_of_another_algorithm_is_accepted() -> None:
    others = [(jwk, test) for jwk, test in vectors() if jwk.get("alg") not in ("ES256", "RS256")]
    assert [test["tcId"] for jwk, test in others if accepted(jwk, test["jws"])] == []
