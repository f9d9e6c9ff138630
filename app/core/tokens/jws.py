"""The one gate to python-jose: sign and verify compact JWS (RFC 7515), by the rules of RFC 8725.

python-jose lets the token choose its algorithm, takes a public key for an HMAC secret, ignores `crit` and decodes
base64 and JSON loosely. So nothing reaches it here that has not been looked at first: the size, the alphabet, the
header's fields. The algorithm belongs to the key; a token that says otherwise is refused before any cryptography.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jose import jws
from jose.backends import ECKey, RSAKey
from jose.exceptions import JOSEError

from app.core.errors import Refused, Unauthenticated
from app.core.strictjson import Json, parse

MAX_TOKEN_BYTES = 8192
HEADER_FIELDS = frozenset({"alg", "typ", "kid"})
MIN_RSA_BITS = 2048

Algorithm: TypeAlias = Literal["ES256", "RS256"]
PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]+)")


class TokenRefused(Unauthenticated):
    """The access token is not valid; get a new one."""

    code = "invalid_token"


class UnknownTokenKey(TokenRefused):
    """The access token names a key that is not in use here; get a new one."""


def algorithm_of(key: PublicKey | PrivateKey) -> Algorithm:
    """The one algorithm of a key. Raises Refused for a key that none of ours fits."""
    if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return "ES256"
    if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey) and key.key_size >= MIN_RSA_BITS:
        return "RS256"
    raise Refused(f"A token key is of the curve P-256 (ES256), or RSA of {MIN_RSA_BITS} bits or more (RS256).")


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key under its one algorithm."""

    algorithm: Algorithm
    key: Any = field(repr=False)

    @classmethod
    def of(cls, public: PublicKey) -> "Verifier":
        algorithm = algorithm_of(public)
        return cls(algorithm, _jose_key(public, algorithm))

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> "Verifier":
        """The verifier of a public JWK (RFC 7517). Raises Refused when the JWK is not meant for verifying."""
        if jwk.get("use", "sig") != "sig" or "verify" not in jwk.get("key_ops", ["verify"]):
            raise Refused("This key is not meant for verifying signatures.")
        try:
            verifier = cls.of(_public_key(jwk))
        except (ValueError, KeyError, TypeError):
            raise Refused("This is no public key of the curve P-256 and no public RSA key.") from None
        if jwk.get("alg", verifier.algorithm) != verifier.algorithm:
            raise Refused(f"A key of this kind verifies {verifier.algorithm} only.")
        return verifier


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key under its one algorithm."""

    algorithm: Algorithm
    key: Any = field(repr=False)

    @classmethod
    def of(cls, private: PrivateKey) -> "Signer":
        algorithm = algorithm_of(private)
        return cls(algorithm, _jose_key(private, algorithm))


def sign(payload: Mapping[str, Any], signer: Signer, *, typ: str, kid: str) -> str:
    """The payload as a compact JWS."""
    headers = {"typ": typ, "kid": kid}
    token = str(jws.sign(dict(payload), signer.key, headers=headers, algorithm=signer.algorithm))
    if len(token) > MAX_TOKEN_BYTES:
        raise Refused(f"A token holds at most {MAX_TOKEN_BYTES} bytes; ask for less in it.")
    return token


def verify(token: str, verifiers: Mapping[str, Verifier], *, typ: str | None) -> bytes:
    """The payload of a token that one of the keys signed: the one it names. Raises TokenRefused.

    `typ` must be in the header, letter by letter; None asks for no type.
    """
    header = _header(token)
    kid = header.get("kid")
    verifier = verifiers.get(kid) if isinstance(kid, str) else None
    if verifier is None:
        raise UnknownTokenKey
    if header.get("alg") != verifier.algorithm:
        raise TokenRefused("The access token names another algorithm than its key has.")
    if typ is not None and header.get("typ") != typ:
        raise TokenRefused(f"The token is of another type than {typ}.")
    try:
        return bytes(jws.verify(token, verifier.key, algorithms=[verifier.algorithm]))
    except JOSEError:
        raise TokenRefused("The access token's signature is not right; get a new one.") from None


def encode(raw: bytes) -> str:
    """Base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The bytes of a base64url text in its one spelling: no padding, no space, no stray bits. Raises ValueError."""
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(raw) != text:
        raise ValueError("not canonical base64url")
    return raw


def _header(token: str) -> dict[str, Json]:
    """The header of a token whose outer form is in order. Nothing of it is proven yet."""
    if len(token) > MAX_TOKEN_BYTES:
        raise TokenRefused(f"An access token has at most {MAX_TOKEN_BYTES} bytes.")
    match = _COMPACT.fullmatch(token)
    if match is None:
        raise TokenRefused("An access token has three parts of base64url with dots between them.")
    try:
        header, *_ = map(decode, match.groups())
        fields = parse(header, max_bytes=MAX_TOKEN_BYTES)
    except (ValueError, Refused):
        raise TokenRefused("The access token is not well encoded.") from None
    if not isinstance(fields, dict) or not fields.keys() <= HEADER_FIELDS:
        raise TokenRefused("The access token's header holds alg, typ and kid only.")
    return fields


def _jose_key(key: PublicKey | PrivateKey, algorithm: Algorithm) -> Any:
    return (ECKey if algorithm == "ES256" else RSAKey)(key, algorithm)


def _public_key(jwk: Mapping[str, Any]) -> PublicKey:
    if jwk["kty"] == "EC" and jwk["crv"] == "P-256":
        return ec.EllipticCurvePublicNumbers(_number(jwk["x"]), _number(jwk["y"]), ec.SECP256R1()).public_key()
    if jwk["kty"] == "RSA":
        return rsa.RSAPublicNumbers(_number(jwk["e"]), _number(jwk["n"])).public_key()
    raise ValueError("another kind of key")


def _number(text: str) -> int:
    return int.from_bytes(decode(text), "big")
