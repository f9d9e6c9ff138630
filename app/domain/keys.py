"""A workspace's keyring, unwrapped once and remembered for a few seconds.

A process learns of a new key in at most `FRESH_SECONDS`, so a rotation waits
that long before it calls the old key unused, and then for the transactions that
run. A keyring is therefore for the transaction that asked for it: who keeps one
for longer may name things by it, and must ask again before it seals or opens.
"""

import time
from typing import Protocol

from app.core.crypto.keyring import Keyring
from app.core.crypto.keyservice import KeyService
from app.core.errors import NotFound
from app.core.sql import Queries, Tx
from app.domain.workspaces import key_context

FRESH_SECONDS = 5.0

_workspaces = Queries("workspaces")


class Keys(Protocol):
    """What keeps keyrings for the length of a process."""

    key_service: KeyService
    keyrings: dict[int, tuple[float, Keyring]]


async def keyring(keys: Keys, tx: Tx) -> Keyring:
    """The keyring of the transaction's workspace, at most FRESH_SECONDS old."""
    held = keys.keyrings.get(tx.workspace_id)
    if held is not None and time.monotonic() - held[0] < FRESH_SECONDS:
        return held[1]
    # Old from the moment it is asked for: a process may be paused before the answer comes.
    asked = time.monotonic()
    fresh = await load(keys.key_service, tx)
    keys.keyrings[tx.workspace_id] = (asked, fresh)
    return fresh


async def load(key_service: KeyService, tx: Tx) -> Keyring:
    """Read and unwrap the keys of the transaction's workspace."""
    data_keys: dict[int, bytes] = {}
    active, hash_key = 0, b""
    for row in await _workspaces.rows(tx, "keys"):
        unwrapped = key_service.unwrap(row["wrapped"], key_context(tx.workspace_id, row["id"]))
        if row["purpose"] == "hash":
            hash_key = unwrapped
            continue
        data_keys[row["id"]] = unwrapped
        if row["active"]:
            active = row["id"]
    if not data_keys:
        raise NotFound("This workspace has no keys; was it created with `cdp workspace create`?")
    return Keyring(tx.workspace_id, data_keys, active, hash_key)
