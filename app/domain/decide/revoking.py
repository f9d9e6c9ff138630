"""Taking decisions back: one, or all of one act. What they did is derived away; that they were made stays on record."""

from datetime import datetime

from app.core.crypto.keyring import Keyring
from app.core.errors import NotFound
from app.core.sql import Tx
from app.domain import decisions
from app.domain.decide.ruling import Ruling, ruling
from app.domain.decisions import UNKNOWN
from app.domain.pipeline.rederive import hold, rederive


async def revoke(tx: Tx, keyring: Keyring, id: int | None, *, by: str, now: datetime, whole: bool = False) -> Ruling:
    """Revoke a decision, or with `whole` all that were made in its act. Once revoked it stays so: again does nothing.

    Raises NotFound.
    """
    if id is None:
        raise NotFound(UNKNOWN)
    await hold(tx, {record for _, pair in await decisions.of_act(tx, id, whole=whole) for record in pair})
    # Again, under the locks: somebody may have been first. Nothing is ever added to an act.
    standing = await decisions.of_act(tx, id, whole=whole)
    if not standing:
        await decisions.one(tx, keyring, id)
        return await ruling(tx, keyring, [id], None)
    revoked = await decisions.revoke(tx, [each for each, _ in standing], by=by, now=now)
    batch = await rederive(tx, keyring, {record for _, pair in standing for record in pair}, now=now)
    first = [id, *(each for each, _ in standing if each != id)]
    return await ruling(tx, keyring, first, batch, revoked=revoked)
