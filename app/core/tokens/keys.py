"""The keys that sign access tokens: PEM files in a private folder, the newest signs, all verify."""

import hashlib
import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app.core.crypto.privatefile import changing, read_private, write_private
from app.core.errors import NotFound, Refused
from app.core.tokens.jws import Algorithm, PrivateKey, PublicKey, Signer, Verifier, encode

MAX_PEM_BYTES = 16_384
RSA_BITS = 3072

_PREFIX = "token-"
_SUFFIX = ".pem"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key pair. `kid` is its RFC 7638 thumbprint; `jwk` its public half (RFC 7517)."""

    kid: str
    signer: Signer
    verifier: Verifier
    jwk: dict[str, str]

    @classmethod
    def of(cls, private: PrivateKey) -> "SigningKey":
        public = private.public_key()
        members = _members(public)
        signer = Signer.of(private)
        kid = thumbprint(members)
        return cls(kid, signer, Verifier.of(public), members | {"use": "sig", "alg": signer.algorithm, "kid": kid})


class SigningKeys:
    """The keys of one folder, an immutable snapshot.

    Files are named by the time they were made (`token-20261123T120000.000000Z-<thumbprint>.pem`), so the last name is
    the newest key. Rotating adds a file; a key is retired by removing its file once its last token has expired.
    """

    def __init__(self, folder: Path) -> None:
        """Read the folder's keys. Raises NotFound when there is none, Refused when others can read one."""
        self.folder = folder
        self._names = _names(folder)
        self.keys = tuple(_read(folder / name) for name in self._names)
        if not self.keys:
            raise NotFound(f"There is no token key in {folder}; start with ./run, or copy your keys there.")
        self.current = self.keys[-1]
        self.verifiers = {key.kid: key.verifier for key in self.keys}

    @classmethod
    def open(cls, folder: Path, *, now: datetime, create: bool) -> "SigningKeys":
        """The keys of a folder; a first ES256 key is made when there is none and `create` says so."""
        if create and not _names(folder):
            with changing(folder / _PREFIX):
                # Another process may have been first.
                if not _names(folder):
                    _make(folder, "ES256", now)
        return cls(folder)

    def __repr__(self) -> str:
        return f"SigningKeys(current={self.current.kid!r}, keys={len(self.keys)})"

    def rotate(self, *, now: datetime, algorithm: Algorithm = "ES256") -> "SigningKeys":
        """Add a key, which signs from now on. The others go on verifying."""
        with changing(self.folder / _PREFIX):
            _make(self.folder, algorithm, now)
        return SigningKeys(self.folder)

    def refreshed(self) -> "SigningKeys":
        """These keys, or a new snapshot when the folder has changed since."""
        return self if _names(self.folder) == self._names else SigningKeys(self.folder)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public halves as a JWK Set (RFC 7517, section 5), newest first."""
        return {"keys": [dict(key.jwk) for key in reversed(self.keys)]}


def thumbprint(members: dict[str, str]) -> str:
    """RFC 7638: SHA-256 over a key's required members in their order, without spaces."""
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return encode(hashlib.sha256(canonical.encode()).digest())


def _members(public: PublicKey) -> dict[str, str]:
    if isinstance(public, ec.EllipticCurvePublicKey):
        point = public.public_numbers()
        x, y = (encode(n.to_bytes(32, "big")) for n in (point.x, point.y))
        return {"crv": "P-256", "kty": "EC", "x": x, "y": y}
    numbers = public.public_numbers()
    e, n = (encode(number.to_bytes((number.bit_length() + 7) // 8, "big")) for number in (numbers.e, numbers.n))
    return {"e": e, "kty": "RSA", "n": n}


def _make(folder: Path, algorithm: Algorithm, now: datetime) -> None:
    private: PrivateKey
    if algorithm == "ES256":
        private = ec.generate_private_key(ec.SECP256R1())
    else:
        private = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(folder / f"{_PREFIX}{now:%Y%m%dT%H%M%S.%fZ}-{SigningKey.of(private).kid}{_SUFFIX}", pem)


def _read(path: Path) -> SigningKey:
    try:
        private: Any = serialization.load_pem_private_key(read_private(path, MAX_PEM_BYTES), password=None)
        return SigningKey.of(private)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Refused(f"The token key {path} is no private key in PEM; restore it or remove it.") from None


def _names(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(name for name in os.listdir(folder) if name.startswith(_PREFIX) and name.endswith(_SUFFIX))
