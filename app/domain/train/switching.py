"""Which model is in force: another one by a new version of the policy, and the one before again."""

from dataclasses import replace
from datetime import datetime

from app.core.crypto.keyring import Keyring
from app.core.errors import NotFound, Refused
from app.core.sql import Tx
from app.domain import policies
from app.identity.policy import Matching, Policy

PAGE = 50


async def use(tx: Tx, keyring: Keyring, version: int, *, now: datetime) -> Policy:
    """Put a model in force, with its own thresholds. Raises Refused where it is already, or is not there."""
    held = await policies.in_force(tx, keyring)
    matching = replace(held.matching, model=version, automatic=None, review=None)
    if matching == held.matching:
        raise Refused(f"Model {version} is in force already; `cdp train` trains another.", code="in_force")
    return await policies.put(tx, keyring, held.version, replace(held, matching=matching), now=now)


async def back(tx: Tx, keyring: Keyring, *, now: datetime) -> Policy:
    """Put the model that was in force before this one in force again, with the thresholds of then.

    All else of the policy stays as it is now. Raises NotFound where there was never another model.
    """
    held = await policies.in_force(tx, keyring)
    before = await _before(tx, keyring, held)
    matching = replace(before, on=held.matching.on)
    return await policies.put(tx, keyring, held.version, replace(held, matching=matching), now=now)


async def _before(tx: Tx, keyring: Keyring, held: Policy) -> Matching:
    below = held.version
    while found := await policies.versions(tx, before=below, many=PAGE):
        for version, _ in found:
            matching = (await policies.at(tx, keyring, version)).matching
            if matching.model != held.matching.model:
                return matching
        below = found[-1][0]
    raise NotFound(f"Model {held.matching.model} is the only one that was ever in force; there is no way back.")
