"""One workspace's keys: seal and open personal values, and name them by keyed hashes.

A sealed blob is `0x01 | key id, uint32 BE | nonce, 12 bytes | ciphertext and tag`: AES-256-GCM (NIST SP 800-38D)
under a random nonce. The additional data say where the blob lives (workspace, table, column, row), so a blob that
was moved to another place does not open there. A data key is good for 2**32 seals (the bound of SP 800-38D for
random nonces); rotate long before.

Nonces come from the operating system at the moment they are used, and none is kept: nothing that a fork or a thread
could repeat.
"""

import os
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core.errors import Refused, Unavailable

KEY_BYTES = 32
TOKEN_BYTES = 16
MAX_KEY_ID = 2**32 - 1
MAX_WORKSPACE_ID = 2**63 - 1

# Names of tables, columns and kinds come from our own code and from policies; the bound only guards against a caller
# that makes them up without end.
MAX_REMEMBERED = 4096

_VERSION = b"\x01"
_NONCE_BYTES = 12
_TAG_BYTES = 16
_BODY = 5
_TEXT = _BODY + _NONCE_BYTES
_SHORTEST = _TEXT + _TAG_BYTES
_PRODUCT = b"samewise"


class UnknownKey(Unavailable):
    """A sealed value names a key that this keyring does not hold; load the workspace's keys again."""

    code = "unknown_key"

    def __init__(self, key_id: int) -> None:
        super().__init__(f"No key {key_id} in this keyring; load the workspace's keys again.")
        self.key_id = key_id


class Tampered(Refused):
    """A sealed value was changed or moved since it was written; restore it from a backup or replay its records."""

    code = "tampered"


def key_id_of(blob: bytes) -> int:
    """The id of the data key that sealed this blob. Raises Tampered when it is no blob of ours."""
    if len(blob) < _SHORTEST or blob[:1] != _VERSION:
        raise Tampered
    return int.from_bytes(blob[1:_BODY], "big")


class Keyring:
    """One workspace's keys, an immutable snapshot. Safe to share between threads and across a fork."""

    __slots__ = ("_ciphers", "_hash", "_header", "_kinds", "_places", "_seal", "_workspace", "active")

    active: int

    def __init__(self, workspace_id: int, data_keys: Mapping[int, bytes], active: int, hash_key: bytes) -> None:
        """`data_keys` are 32-byte AES keys by id: `active` seals, all open. `hash_key`, 32 bytes, never rotates."""
        if not 0 <= workspace_id <= MAX_WORKSPACE_ID:
            raise ValueError("A workspace id is a non-negative 63-bit integer.")
        if active not in data_keys:
            raise ValueError(f"The active key {active} is not among the data keys.")
        if not all(0 <= key_id <= MAX_KEY_ID for key_id in data_keys):
            raise ValueError("A key id fits 32 bits.")
        if any(len(key) != KEY_BYTES for key in (*data_keys.values(), hash_key)):
            raise ValueError(f"Every key has {KEY_BYTES} bytes.")
        self.active = active
        self._ciphers = {key_id: AESGCM(key) for key_id, key in data_keys.items()}
        self._seal = self._ciphers[active].encrypt
        self._header = _VERSION + active.to_bytes(4, "big")
        self._workspace = workspace_id.to_bytes(8, "big")
        self._places: dict[tuple[str, str], bytes] = {}
        # BLAKE2's personalisation parameter (RFC 7693, 2.5) keeps workspaces apart even under one and the same key.
        self._hash = blake2b(digest_size=TOKEN_BYTES, key=hash_key, person=_PRODUCT + self._workspace)
        self._kinds: dict[str, blake2b] = {}

    def __repr__(self) -> str:
        return f"Keyring(active={self.active}, keys={sorted(self._ciphers)})"

    def seal(self, plain: bytes, table: str, column: str, row: bytes | int | str) -> bytes:
        """Encrypt a value for one place under the active key."""
        nonce = os.urandom(_NONCE_BYTES)
        return self._header + nonce + self._seal(nonce, plain, self._place(table, column, row))

    def seal_all(self, plains: Sequence[bytes], table: str, column: str, rows: Sequence[bytes]) -> list[bytes]:
        """Encrypt values for their places, `plains[i]` for `rows[i]`, as `seal` does one.

        All nonces come from one draw: slices of a random text that do not overlap are as random and as independent as
        texts drawn one by one, which is all that random nonces ask for (SP 800-38D, 8.2.2). It saves 0.3 us a value.
        """
        nonces = os.urandom(_NONCE_BYTES * len(plains))
        header, seal, place = self._header, self._seal, self._place(table, column, b"")
        return [
            header + (nonce := nonces[at : at + _NONCE_BYTES]) + seal(nonce, plain, place + row)
            for at, plain, row in zip(range(0, len(nonces), _NONCE_BYTES), plains, rows, strict=True)
        ]

    def open(self, blob: bytes, table: str, column: str, row: bytes | int | str) -> bytes:
        """Decrypt a value read from this very place. Raises UnknownKey or Tampered."""
        cipher = self._ciphers.get(key_id := key_id_of(blob))
        if cipher is None:
            raise UnknownKey(key_id)
        try:
            return cipher.decrypt(blob[_BODY:_TEXT], blob[_TEXT:], self._place(table, column, row))
        except InvalidTag:
            raise Tampered from None

    def token(self, kind: str, value: str | bytes) -> bytes:
        """The 16-byte keyed BLAKE2b that stands for a value of a kind: equal values, equal tokens, this workspace only.

        Any string has a token, lone surrogates included. Bytes are the UTF-8 of a text, and have that text's token.
        """
        known = self._kinds.get(kind)
        if known is None:
            known = self._hash.copy()
            known.update(_framed(kind))
            if len(self._kinds) < MAX_REMEMBERED:
                self._kinds[kind] = known
        token = known.copy()
        token.update(value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass"))
        return token.digest()

    def _place(self, table: str, column: str, row: bytes | int | str) -> bytes:
        """The additional data: each part carries its length, the last its type, so no two places agree."""
        prefix = self._places.get((table, column))
        if prefix is None:
            prefix = _PRODUCT + _VERSION + self._workspace + _framed(table) + _framed(column)
            if len(self._places) < MAX_REMEMBERED:
                self._places[table, column] = prefix
        if isinstance(row, bytes):
            return prefix + b"b" + row
        if isinstance(row, int):
            return prefix + b"i%d" % row
        return prefix + b"s" + row.encode("utf-8", "surrogatepass")


def _framed(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogatepass")
    return len(raw).to_bytes(4, "big") + raw
