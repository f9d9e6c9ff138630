"""A batch at its beginning: the rules are held for its length, and read."""

from datetime import datetime
from typing import Any

from app.core.crypto.keyring import Keyring
from app.core.sql import Tx
from app.domain import catalog, models, policies, refreshes, sources
from app.domain.pipeline.batch import Batch


async def begin(tx: Tx, keyring: Keyring, now: datetime, **given: Any) -> Batch:
    """A batch under the rules in force, which nobody changes before it ends. `given` are fields of `Batch`."""
    await refreshes.hold_rules(tx)
    policy = await policies.in_force(tx, keyring)
    return Batch(
        tx,
        keyring,
        now,
        policy,
        await catalog.load(tx),
        await sources.all_sources(tx),
        matcher=await models.in_force(tx, keyring, policy.matching),
        **given,
    )
