"""The simulator: what a policy would change, while everything stays as it is."""

from pathlib import Path

from app.core.crypto.keyring import Keyring
from app.core.errors import NotFound, Stale
from app.core.sql import Tx
from app.domain import policies
from app.domain.bulk.difference import Difference, difference
from app.domain.bulk.engine import Engine
from app.domain.bulk.partition import opened, partition
from app.domain.bulk.reading import Told
from app.domain.bulk.rules import rules
from app.identity.policy import Policy


async def simulate(
    tx: Tx,
    keyring: Keyring,
    policy: Policy,
    engine: Engine,
    told: Told = lambda *_: None,
    *,
    home: Path | None = None,
) -> Difference:
    """Divide the workspace by `policy` and compare that with what is stored; `engine` is closed at the end.

    The transaction is one moment (`partition.snapshot`). Raises NotFound for a model that is not there. `home` is a
    directory for what a killed run need not do again.
    """
    async with opened(engine):
        by = await rules(tx, keyring, policy)
        return await difference(tx, keyring, await partition(tx, keyring, by, engine, told, home=home))


async def seen(tx: Tx, keyring: Keyring, version: int | None) -> Policy:
    """The policy in force. Raises Stale when somebody saw another version of it."""
    held = await policies.in_force(tx, keyring)
    if version is not None and held.version != version:
        raise Stale(f"The policy is at version {held.version} by now; read it again and repeat.")
    return held


async def earlier(tx: Tx, keyring: Keyring, version: int | None, to: int | None) -> Policy:
    """The policy that a rollback would put in force. Raises Stale, NotFound."""
    held = await seen(tx, keyring, version)
    if to is None and held.version <= Policy().version:
        raise NotFound("There is no version before the first one.")
    return await policies.at(tx, keyring, held.version - 1 if to is None else to)
