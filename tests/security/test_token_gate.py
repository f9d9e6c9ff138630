"""The token gate against forgers: what is not exactly in order does not get in."""

import ast
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk as oracle_jwk
from joserfc import jwt as oracle

from app.core.errors import Refused
from app.core.tokens import scopes
from app.core.tokens.gate import TYPE, Claims, TokenGate
from app.core.tokens.jws import Signer, TokenRefused, Verifier, decode, encode, sign, verify
from app.core.tokens.keys import SigningKeys

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ISSUER, AUDIENCE = "https://cdp.example", "https://cdp.example/api"


@pytest.fixture
def keys(tmp_path: Path) -> SigningKeys:
    return SigningKeys.open(tmp_path, now=NOW, create=True)


@pytest.fixture
def gate(keys: SigningKeys) -> TokenGate:
    return gate_of(keys)


def gate_of(keys: SigningKeys, **options: Any) -> TokenGate:
    return TokenGate(keys, issuer=ISSUER, audience=AUDIENCE, **options)


def issued(gate: TokenGate, **changed: Any) -> str:
    wanted: dict[str, Any] = {"subject": "ada", "client_id": "cli", "workspace": "default", "now": NOW}
    wanted["scopes"] = {scopes.PROFILES_READ}
    return gate.issue(**(wanted | changed))


def payload(**changed: Any) -> dict[str, Any]:
    """Claims that are in order; None takes one away."""
    at = int(NOW.timestamp())
    claims = {
        "iss": ISSUER,
        "sub": "ada",
        "aud": AUDIENCE,
        "client_id": "cli",
        "iat": at,
        "exp": at + 600,
        "jti": "1",
        "scope": "profiles:read",
        "workspace": "default",
    }
    return {name: value for name, value in (claims | changed).items() if value is not None}


def signed(keys: SigningKeys, claims: dict[str, Any] | bytes, header: dict[str, Any] | bytes | None = None) -> str:
    """A token with any header and any payload, and yet a right signature."""
    if header is None or isinstance(header, dict):
        header = json.dumps({"alg": "ES256", "typ": TYPE, "kid": keys.current.kid} | (header or {})).encode()
    body = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    text = f"{encode(header)}.{encode(body)}"
    return f"{text}.{encode(keys.current.signer.key.sign(text.encode()))}"


def refusal(gate: TokenGate, token: str, now: datetime = NOW) -> str:
    with pytest.raises(TokenRefused) as caught:
        gate.verify(token, now=now)
    assert caught.value.code == "invalid_token"
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_an_issued_token_says_what_was_asked_for(gate: TokenGate) -> None:
    token = issued(gate, scopes={scopes.ADMIN, scopes.INGEST_WRITE}, lifetime=timedelta(minutes=5))
    claims = gate.verify(token, now=NOW)
    assert claims == Claims(
        subject="ada",
        client_id="cli",
        scopes=frozenset({"admin", "ingest:write"}),
        workspace="default",
        expires_at=NOW + timedelta(minutes=5),
        issued_at=NOW,
        token_id=claims.token_id,
    )
    assert gate.verify(issued(gate), now=NOW).token_id != claims.token_id


def test_our_own_forgery_kit_makes_good_tokens(keys: SigningKeys, gate: TokenGate) -> None:
    """Otherwise every refusal below would prove nothing."""
    assert gate.verify(signed(keys, payload()), now=NOW).subject == "ada"


# --- the independent oracle, both ways


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_joserfc_reads_our_tokens_by_our_published_keys(tmp_path: Path, algorithm: Any) -> None:
    keys = SigningKeys.open(tmp_path, now=NOW, create=True).rotate(now=NOW + timedelta(seconds=1), algorithm=algorithm)
    token = issued(gate_of(keys))
    published = json.loads(json.dumps(keys.jwks()))
    read = oracle.decode(token, oracle_jwk.KeySet.import_key_set(published), algorithms=[algorithm])
    assert read.header == {"alg": algorithm, "typ": "at+jwt", "kid": keys.current.kid}
    assert read.claims["sub"] == "ada"
    assert read.claims["scope"] == "profiles:read"
    assert read.claims["exp"] - read.claims["iat"] == 3600


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_we_read_joserfc_s_tokens(tmp_path: Path, algorithm: Any) -> None:
    keys = SigningKeys.open(tmp_path, now=NOW, create=True).rotate(now=NOW + timedelta(seconds=1), algorithm=algorithm)
    pem = max(tmp_path.glob("token-*.pem")).read_bytes()
    key = oracle_jwk.import_key(pem, "EC" if algorithm == "ES256" else "RSA")
    header = {"alg": algorithm, "typ": "at+jwt", "kid": keys.current.kid}
    token = oracle.encode(header, payload(), key, algorithms=[algorithm])
    assert gate_of(keys).verify(token, now=NOW).workspace == "default"


def test_published_keys_are_public_and_named_by_their_thumbprint(keys: SigningKeys) -> None:
    for key in keys.rotate(now=NOW + timedelta(seconds=1), algorithm="RS256").jwks()["keys"]:
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key)
        assert key["kid"] == oracle_jwk.import_key(dict(key)).thumbprint()
        assert Verifier.from_jwk(key).algorithm == key["alg"]


# --- forged signatures


def hmac_token(keys: SigningKeys, secret: bytes, alg: str = "HS256") -> str:
    header = json.dumps({"alg": alg, "typ": TYPE, "kid": keys.current.kid}).encode()
    text = f"{encode(header)}.{encode(json.dumps(payload()).encode())}"
    return f"{text}.{encode(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


ENCODINGS = [
    (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
    (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
    (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH),
    (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint),
]


@pytest.mark.parametrize(("encoding", "form"), ENCODINGS)
@pytest.mark.parametrize("alg", ["HS256", "ES256"])
def test_a_public_key_is_no_hmac_secret(keys: SigningKeys, gate: TokenGate, encoding: Any, form: Any, alg: str) -> None:
    secret = keys.current.verifier.key.prepared_key.public_bytes(encoding, form)
    refusal(gate, hmac_token(keys, secret, alg))
    refusal(gate, hmac_token(keys, secret + b"\n", alg))


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "nOnE", "", None, 0, ["ES256"], "es256", "ES384", "RS256", "HS256"]
)
def test_the_token_does_not_choose_its_algorithm(keys: SigningKeys, gate: TokenGate, alg: object) -> None:
    good = signed(keys, payload(), {"alg": alg})
    assert "algorithm" in refusal(gate, good)
    refusal(gate, good.rpartition(".")[0] + ".")
    refusal(gate, good.rpartition(".")[0] + "." + encode(b"x"))


def test_a_token_without_an_algorithm_is_refused(keys: SigningKeys, gate: TokenGate) -> None:
    header = json.dumps({"typ": TYPE, "kid": keys.current.kid}).encode()
    assert "algorithm" in refusal(gate, signed(keys, payload(), header))


def test_another_key_under_our_name_is_refused(keys: SigningKeys, gate: TokenGate) -> None:
    stranger = Signer.of(ec.generate_private_key(ec.SECP256R1()))
    assert "signature" in refusal(gate, sign(payload(), stranger, typ=TYPE, kid=keys.current.kid))


def test_a_key_s_name_cannot_be_used_for_another_of_ours(keys: SigningKeys) -> None:
    both = keys.rotate(now=NOW + timedelta(seconds=1), algorithm="RS256")
    elliptic, rsa_key = both.keys
    for key, other in ((elliptic, rsa_key), (rsa_key, elliptic)):
        refusal(gate_of(both), sign(payload(), key.signer, typ=TYPE, kid=other.kid))


@pytest.mark.parametrize(
    "kid", ["", "x", "../../dev/null", "' OR 1=1 --", "\0", None, 0, [], {"a": 1}, "https://evil.example/key", "é"]
)
def test_a_key_that_is_not_ours_is_never_looked_for(keys: SigningKeys, gate: TokenGate, kid: object) -> None:
    refusal(gate, signed(keys, payload(), {"kid": kid}))


@pytest.mark.parametrize(
    "field",
    [
        {"crit": ["exp"]},
        {"crit": []},
        {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example/cert"},
        {"x5c": ["MII"]},
        {"x5t": "a"},
        {"x5t#S256": "a"},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"zip": "DEF"},
        {"b64": False},
        {"cty": "JWT"},
        {"enc": "A256GCM"},
        {"x": 1},
    ],
)
def test_a_header_holds_what_is_on_the_list_and_no_more(
    keys: SigningKeys, gate: TokenGate, field: dict[str, Any]
) -> None:
    assert "header" in refusal(gate, signed(keys, payload(), field))


@pytest.mark.parametrize("typ", ["JWT", "jwt", "AT+JWT", "application/at+jwt", "at+jwt ", "", None, "logout+jwt", 1])
def test_another_type_of_token_is_no_access_token(keys: SigningKeys, gate: TokenGate, typ: object) -> None:
    assert "type" in refusal(gate, signed(keys, payload(), {"typ": typ}))


def test_a_signature_of_another_form_or_length_is_refused(keys: SigningKeys, gate: TokenGate) -> None:
    head, _, signature = signed(keys, payload()).rpartition(".")
    raw = decode(signature)
    n = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    der = keys.current.signer.key.prepared_key.sign(head.encode(), ec.ECDSA(hashes.SHA256()))
    for forged in (bytes(64), raw + b"\0", b"\0" + raw, raw[:-1], raw[32:] + raw[:32], der, raw * 2):
        refusal(gate, f"{head}.{encode(forged)}")
    for number in (0, 1, n - 1, n, n + 1):
        refusal(gate, f"{head}.{encode(number.to_bytes(32, 'big') * 2)}")
        refusal(gate, f"{head}.{encode(r.to_bytes(32, 'big') + number.to_bytes(32, 'big'))}")
    assert s < n


# --- encodings

WHOLE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"


def test_a_token_has_one_spelling(keys: SigningKeys, gate: TokenGate) -> None:
    token = signed(keys, payload())
    head, body, signature = token.split(".")
    for other in (
        *(f"{a}{token}{b}" for a, b in [(" ", ""), ("", " "), ("", "\n"), (".", ""), ("", "."), ("\ufeff", "")]),
        f"{head}=.{body}.{signature}",
        f"{head}.{body}==.{signature}",
        f"{head}.{body}.{signature}==",
        f"{head}..{signature}",
        f".{body}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}.{body}.{signature}.{signature}",
        f"{head[:5]}\n{head[5:]}.{body}.{signature}",
        f"{head}.{body}.{signature[:5]} {signature[5:]}",
        f"{head}.{body}.{signature[:-1]}{WHOLE[(WHOLE.index(signature[-1]) + 1) % 64]}",
        token.replace("-", "+").replace("_", "/") + "+",
        "",
        "..",
        "é" * 10,
        "\ud800",
        "Bearer " + token,
    ):
        refusal(gate, other)
    assert gate.verify(token, now=NOW)


@given(st.binary(max_size=40))
def test_base64url_comes_back(raw: bytes) -> None:
    assert decode(encode(raw)) == raw


@given(st.text(WHOLE + "=+/ ", max_size=12))
def test_no_bytes_have_two_base64url_texts(text: str) -> None:
    try:
        raw = decode(text)
    except ValueError:
        return
    assert encode(raw) == text


@given(st.text(max_size=60) | st.lists(st.text(WHOLE, max_size=20), max_size=4).map(".".join))
def test_any_text_is_refused_in_our_own_words(text: str) -> None:
    verifier = Verifier.of(ec.derive_private_key(7, ec.SECP256R1()).public_key())
    with pytest.raises(TokenRefused):
        verify(text, {"": verifier}, typ=None)


@given(st.data())
def test_a_changed_character_is_found(data: st.DataObject) -> None:
    private = ec.derive_private_key(7, ec.SECP256R1())
    token = sign({"a": 1}, Signer.of(private), typ=TYPE, kid="k")
    at = data.draw(st.integers(0, len(token) - 1))
    other = token[:at] + data.draw(st.sampled_from(WHOLE + ".=")) + token[at + 1 :]
    if other != token:
        with pytest.raises(TokenRefused):
            verify(other, {"k": Verifier.of(private.public_key())}, typ=TYPE)


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"KID"}',
        b'{"alg":"ES256","typ":"at+jwt","kid":"KID","\\u006bid":"KID"}',
        b'\xef\xbb\xbf{"alg":"ES256","typ":"at+jwt","kid":"KID"}',
        b'{"alg":"ES256","typ":"at+jwt","kid":"KID"} x',
        b'["alg","ES256"]',
        b'"ES256"',
        b"null",
        b"",
        b"{",
        b"[" * 4000,
        b'{"alg":"ES256","typ":"at+jwt","kid":NaN}',
    ],
)
def test_a_header_with_two_readings_has_none(keys: SigningKeys, gate: TokenGate, header: bytes) -> None:
    refusal(gate, signed(keys, payload(), header.replace(b"KID", keys.current.kid.encode())))


@pytest.mark.parametrize("claims", [b"", b"[]", b"null", b"{", b"\xff", b'{"sub":"ada","sub":"root"}', b"1e999"])
def test_claims_with_two_readings_have_none(keys: SigningKeys, gate: TokenGate, claims: bytes) -> None:
    refusal(gate, signed(keys, claims))


def test_claims_with_a_key_twice_are_refused_though_all_else_is_right(keys: SigningKeys, gate: TokenGate) -> None:
    doubled = json.dumps(payload()).encode()[:-1] + b', "scope": "admin"}'
    refusal(gate, signed(keys, doubled))


def best_of(times: int, act: Callable[[], object]) -> float:
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        spent.append(time.perf_counter() - start)
    return min(spent)


def unproven(token: str) -> None:
    with pytest.raises(TokenRefused):
        verify(token, {}, typ=None)


def test_a_token_of_ten_megabytes_is_refused_within_a_millisecond(keys: SigningKeys, gate: TokenGate) -> None:
    header = {"alg": "ES256", "typ": TYPE, "kid": keys.current.kid, "x": "a" * 10_000_000}
    for token in (signed(keys, payload(), header), "." * 10_000_000, "é" * 10_000_000):
        assert best_of(5, partial(refusal, gate, token)) < 0.001
        assert best_of(5, partial(unproven, token)) < 0.001


def test_the_longest_token_taken_is_as_long_as_we_say(keys: SigningKeys, gate: TokenGate) -> None:
    spare = (8192 - len(signed(keys, payload(x="")))) * 3 // 4
    fits = max((signed(keys, payload(x="a" * n)) for n in range(spare - 4, spare + 1)), key=len)
    assert 8188 <= len(fits) <= 8192
    assert gate.verify(fits, now=NOW)
    assert "8192" in refusal(gate, signed(keys, payload(x="a" * (spare + 8))))


# --- claims


@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "client_id", "iat", "exp", "jti", "workspace"])
def test_every_claim_that_we_count_on_must_be_there(keys: SigningKeys, gate: TokenGate, claim: str) -> None:
    values: list[Any] = [None, "", [], {}, True, -1, 1.5, "1" * 300, 10**18]
    for value in values:
        refusal(gate, signed(keys, payload(**{claim: value})))


@pytest.mark.parametrize(
    "audience", ["", "https://other.example", [], ["https://other.example"], AUDIENCE + "/", [[AUDIENCE]]]
)
def test_a_token_for_another_service_is_refused(keys: SigningKeys, gate: TokenGate, audience: object) -> None:
    refusal(gate, signed(keys, payload(aud=audience)))


def test_an_audience_may_be_one_of_several(keys: SigningKeys, gate: TokenGate) -> None:
    assert gate.verify(signed(keys, payload(aud=["https://other.example", AUDIENCE])), now=NOW)
    refusal(gate, signed(keys, payload(aud=[AUDIENCE] * 17)))
    refusal(gate, signed(keys, payload(aud=[AUDIENCE, 1])))


@pytest.mark.parametrize("issuer", [ISSUER + "/", ISSUER.upper(), "https://evil.example", [ISSUER]])
def test_another_issuer_is_refused_even_with_our_key(keys: SigningKeys, gate: TokenGate, issuer: object) -> None:
    refusal(gate, signed(keys, payload(iss=issuer)))


@pytest.mark.parametrize("scope", ["a  b", " a", "a ", 'a"b', "a\\b", "a\nb", ["admin"], 1, None])
def test_scopes_are_a_list_of_words(keys: SigningKeys, gate: TokenGate, scope: object) -> None:
    token = signed(keys, payload() | {"scope": scope})
    refusal(gate, token)


def test_a_token_without_a_scope_allows_nothing(keys: SigningKeys, gate: TokenGate) -> None:
    assert gate.verify(signed(keys, payload(scope=None)), now=NOW).scopes == frozenset()


def test_a_token_ends_a_minute_after_it_says_and_not_later(keys: SigningKeys, gate: TokenGate) -> None:
    token = issued(gate, lifetime=timedelta(seconds=600))
    for fresh in (gate, gate_of(keys)):
        assert fresh.verify(token, now=NOW + timedelta(seconds=659))
    for other in (gate, gate_of(keys)):
        assert "expired" in refusal(other, token, NOW + timedelta(seconds=660))


def test_a_token_from_the_future_is_refused(keys: SigningKeys, gate: TokenGate) -> None:
    at = int(NOW.timestamp())
    assert gate.verify(signed(keys, payload(iat=at + 60, exp=at + 600)), now=NOW)
    refusal(gate, signed(keys, payload(iat=at + 61, exp=at + 600)))
    assert gate.verify(signed(keys, payload(nbf=at + 60)), now=NOW)
    refusal(gate, signed(keys, payload(nbf=at + 61)))
    for odd in ("soon", True, None, 1.5):
        refusal(gate, signed(keys, payload() | {"nbf": odd}))


def test_a_token_that_would_live_too_long_is_refused(keys: SigningKeys, gate: TokenGate) -> None:
    at = int(NOW.timestamp())
    assert gate.verify(signed(keys, payload(exp=at + 86_400)), now=NOW)
    refusal(gate, signed(keys, payload(exp=at + 86_401)))
    refusal(gate, signed(keys, payload(exp=at)))


@pytest.mark.parametrize(
    "asked",
    [
        {"scopes": {"root"}},
        {"scopes": {"admin profiles:read"}},
        {"lifetime": timedelta(days=2)},
        {"lifetime": timedelta()},
        {"subject": ""},
        {"workspace": "w" * 256},
    ],
)
def test_we_do_not_issue_what_we_would_not_take(gate: TokenGate, asked: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        issued(gate, **asked)


# --- memory, revocation, rotation


def test_a_revoked_token_is_refused_also_when_it_is_remembered(keys: SigningKeys) -> None:
    revoked: set[str] = set()
    gate = gate_of(keys, revoked=lambda claims: claims.token_id in revoked)
    token = issued(gate)
    revoked.add(gate.verify(token, now=NOW).token_id)
    assert "revoked" in refusal(gate, token)
    revoked.clear()
    assert gate.verify(token, now=NOW)


def test_memory_is_bounded_and_holds_no_token(keys: SigningKeys, gate: TokenGate) -> None:
    token = issued(gate)
    gate.verify(token, now=NOW)
    for n in range(10_050):
        gate._remember(n.to_bytes(32, "big"), gate._verified[next(reversed(gate._verified))])
    assert len(gate._verified) == 10_000
    assert not any(token.encode() in name for name in gate._verified)
    assert gate.verify(token, now=NOW)


def test_an_expired_token_is_forgotten(gate: TokenGate) -> None:
    token = issued(gate)
    gate.verify(token, now=NOW)
    refusal(gate, token, NOW + timedelta(days=1))
    assert gate._verified == {}


def test_a_remembered_token_costs_no_signature(gate: TokenGate) -> None:
    token = issued(gate)
    gate.verify(token, now=NOW)
    again = best_of(50, lambda: gate.verify(token, now=NOW))
    first = best_of(1, lambda: gate_of(gate.keys).verify(token, now=NOW))
    assert again * 5 < first


def test_after_a_rotation_the_new_key_signs_and_the_old_still_verifies(keys: SigningKeys, gate: TokenGate) -> None:
    before = issued(gate)
    rotated = keys.rotate(now=NOW + timedelta(seconds=1))
    later = NOW + timedelta(seconds=2)
    after = issued(gate, now=later)
    assert rotated.current.kid != keys.current.kid
    assert json.loads(decode(after.split(".")[0]))["kid"] == rotated.current.kid
    assert gate.verify(before, now=later)
    assert gate.verify(after, now=later)


def test_a_process_learns_a_new_key_from_the_first_token_that_names_it(keys: SigningKeys, gate: TokenGate) -> None:
    gate.verify(issued(gate), now=NOW)
    other = gate_of(keys.rotate(now=NOW + timedelta(seconds=1)))
    assert gate.verify(issued(other), now=NOW)


def test_a_retired_key_s_tokens_end_within_a_second(keys: SigningKeys, gate: TokenGate, tmp_path: Path) -> None:
    token = issued(gate)
    gate.verify(token, now=NOW)
    keys.rotate(now=NOW + timedelta(seconds=1))
    min(tmp_path.glob("token-*.pem")).unlink()
    refusal(gate, token, NOW + timedelta(seconds=1))


def test_a_folder_that_cannot_be_read_for_a_moment_locks_nobody_out(gate: TokenGate, tmp_path: Path) -> None:
    token = issued(gate)
    for path in tmp_path.glob("token-*.pem"):
        path.unlink()
    assert gate.verify(token, now=NOW + timedelta(seconds=5))


# --- the house


def test_only_the_gate_imports_python_jose() -> None:
    importers = set()
    for path in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(name == "jose" or name.startswith("jose.") for name in names):
                importers.add(path.relative_to(ROOT).as_posix())
    assert importers == {"app/core/tokens/jws.py"}


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()).public_key(),
        ec.generate_private_key(ec.SECP256K1()).public_key(),
        rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key(),  # noqa: S505
    ],
    ids=["P-384", "secp256k1", "RSA-1024"],
)
def test_weak_and_foreign_keys_are_not_taken(key: Any) -> None:
    with pytest.raises(Refused):
        Verifier.of(key)
