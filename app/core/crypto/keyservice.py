"""Who guards the keys' keys: a key service wraps data keys under a root key that it alone holds.

`KeyFile` is the one that needs nothing: a JSON file, mode 0600, outside the database. A cloud's service (AWS KMS:
`wrap` is Encrypt, `unwrap` is Decrypt, the context goes into the encryption context) fits the same three names.
"""

import base64
import binascii
import json
import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core.crypto.keyring import KEY_BYTES, Tampered
from app.core.crypto.privatefile import changing, read_private, write_private
from app.core.errors import Conflict, NotFound, Refused, Unavailable

FORMAT = 1
MAX_FILE_BYTES = 1 << 20

_VERSION = b"\x01"
_NONCE_BYTES = 12


class KeyService(Protocol):
    """Wraps and unwraps keys. Its own root keys never leave it."""

    @property
    def current(self) -> str:
        """The id of the root key that wraps."""

    def wrap(self, key: bytes, context: str) -> bytes:
        """Wrap a key for one context, for example `workspace 7, key 3`."""

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """The key again, for the same context only. Raises UnknownRoot or Tampered."""


class UnknownRoot(Unavailable):
    """A key was wrapped by a root key that this key service does not hold; point CDP_KEY_FILE at the right file."""

    code = "unknown_root_key"


class KeyFile:
    """Root keys in a file: several, one of them current.

    A wrapped key is `0x01 | length of the root key's id | the id | nonce | ciphertext and tag`.
    """

    def __init__(self, path: Path) -> None:
        """Read an existing key file. Raises NotFound when it is absent, Refused when others can read it."""
        self.path = path
        self._read()

    @classmethod
    def create(cls, path: Path, *, now: datetime) -> "KeyFile":
        """Make a key file with one fresh root key. Raises Conflict when there is one: root keys are never overwritten.

        The file appears whole or not at all, also to a second process that starts at the same moment.
        """
        with changing(path):
            if path.exists():
                raise Conflict(f"There is a key file at {path} already; it was left as it is.")
            root = _root_id(now)
            _save(path, {root: os.urandom(KEY_BYTES)}, {root: now.isoformat()}, root)
        return cls(path)

    @classmethod
    def open(cls, path: Path, *, now: datetime, create: bool) -> "KeyFile":
        """The key file at `path`; made when it is absent and `create` says so."""
        if create and not path.exists():
            try:
                return cls.create(path, now=now)
            except Conflict:
                return cls(path)
        return cls(path)

    def __repr__(self) -> str:
        return f"KeyFile({str(self.path)!r}, current={self.current!r}, roots={len(self._roots)})"

    @property
    def current(self) -> str:
        return self._current

    @property
    def roots(self) -> tuple[str, ...]:
        """The ids of every root key, oldest first."""
        return tuple(self._roots)

    def wrap(self, key: bytes, context: str) -> bytes:
        # Wrapping is rare. A process that did not hear of a new root must not wrap under one that is about to go.
        self._read()
        root, nonce = self._current.encode(), os.urandom(_NONCE_BYTES)
        sealed = AESGCM(self._roots[self._current]).encrypt(nonce, key, _aad(context))
        return _VERSION + bytes([len(root)]) + root + nonce + sealed

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        root = _root_named(wrapped)
        end = 2 + len(root)
        nonce, sealed = wrapped[end : end + _NONCE_BYTES], wrapped[end + _NONCE_BYTES :]
        if len(nonce) != _NONCE_BYTES:
            raise Tampered
        try:
            return AESGCM(self._root(root)).decrypt(nonce, sealed, _aad(context))
        except InvalidTag:
            raise Tampered from None

    def root_of(self, wrapped: bytes) -> str:
        """The id of the root key that wrapped this. Raises Tampered when it is nothing of ours."""
        return _root_named(wrapped).decode("utf-8", "replace")

    def rotate_root(self, *, now: datetime) -> str:
        """Add a root key, make it current and return its id. Older ones stay, so that what they wrapped still opens."""
        with changing(self.path):
            self._read()
            root = _root_id(now)
            _save(self.path, self._roots | {root: os.urandom(KEY_BYTES)}, self._made | {root: now.isoformat()}, root)
            self._read()
        return root

    def forget_old_roots(self) -> tuple[str, ...]:
        """Remove every root key but the current one, and return their ids. What they wrapped never opens again."""
        with changing(self.path):
            self._read()
            old = tuple(root for root in self._roots if root != self._current)
            _save(self.path, {self._current: self._roots[self._current]}, self._made, self._current)
            self._read()
        return old

    def reload(self) -> None:
        """Read the file again: another process may have changed it."""
        self._read()

    def _root(self, raw: bytes) -> bytes:
        root = raw.decode("utf-8", "replace")
        if root not in self._roots:
            # Another process may have rotated since this one read the file.
            self._read()
        if root not in self._roots:
            raise UnknownRoot
        return self._roots[root]

    def _read(self) -> None:
        try:
            raw = read_private(self.path, MAX_FILE_BYTES)
        except FileNotFoundError:
            raise NotFound(f"There is no key file at {self.path}; set CDP_KEY_FILE to yours.") from None
        try:
            content = json.loads(raw)
            if content["format"] != FORMAT:
                raise Refused(f"The key file {self.path} is of a newer version; upgrade this program.")
            roots = {root: base64.b64decode(entry["key"], validate=True) for root, entry in content["roots"].items()}
            made = {root: str(entry["created_at"]) for root, entry in content["roots"].items()}
            current = content["current"]
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
            roots, made, current = {}, {}, ""
        if current not in roots or any(len(key) != KEY_BYTES for key in roots.values()):
            raise Refused(f"The key file {self.path} is damaged; restore it from your backup.")
        self._roots: dict[str, bytes] = roots
        self._made: dict[str, str] = made
        self._current: str = current


def _root_named(wrapped: bytes) -> bytes:
    if len(wrapped) < 2 or wrapped[:1] != _VERSION:
        raise Tampered
    return wrapped[2 : 2 + wrapped[1]]


def _aad(context: str) -> bytes:
    return b"samewise wrapped key\x00" + context.encode()


def _root_id(now: datetime) -> str:
    return f"root-{now:%Y%m%d}-{secrets.token_hex(4)}"


def _save(path: Path, roots: dict[str, bytes], made: dict[str, str], current: str) -> None:
    content: dict[str, Any] = {
        "format": FORMAT,
        "warning": "This file opens every sealed value, and without it none opens. Keep a copy elsewhere.",
        "current": current,
        "roots": {
            root: {"created_at": made[root], "key": base64.b64encode(key).decode("ascii")}
            for root, key in roots.items()
        },
    }
    write_private(path, json.dumps(content, indent=2).encode() + b"\n")
