"""The keyed hashes under which the database knows identifiers and record keys."""

from app.core.crypto.keyring import Keyring
from app.identity.identifier import Identifier

Token = bytes


def token(keyring: Keyring, held: Identifier) -> Token:
    """The keyed hash of an identifier. Records' keys are tokens of another kind."""
    return keyring.token(f"identifier/{held.namespace}", held.value)


def key_token(keyring: Keyring, source_id: int, key: str) -> Token:
    """The keyed hash under which a record's (source, key) is found."""
    return keyring.token(f"record/{source_id}", key)
