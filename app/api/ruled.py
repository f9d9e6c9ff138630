"""Acts of deciding as requests make them: one transaction, tried again while others are in the way."""

from collections.abc import Awaitable, Callable

from app.api.deps import Principal
from app.core.crypto.keyring import Keyring
from app.core.errors import Conflict, Stale
from app.core.runtime import Runtime
from app.core.sql import Tx
from app.domain import contention, keys
from app.domain.decide import DecidedOtherwise, Ruling
from app.domain.edits import Redirected

MEANS = {"same": "the same person", "different": "different people"}


async def ruled(who: Principal, rt: Runtime, act: Callable[[Tx, Keyring], Awaitable[Ruling]]) -> Ruling:
    """Do it and commit. Raises Conflict with the name of the decision that stands against it, and what `act` raises."""

    async def once() -> Ruling:
        async with rt.begin(who.workspace_id) as tx:
            return await act(tx, await keys.keyring(rt, tx))

    try:
        return await contention.retried(once)
    except DecidedOtherwise as otherwise:
        decision, means = who.ids.encode(otherwise.decision_id), MEANS[otherwise.verdict]
        raise Conflict(
            f"Decision {decision} says that they are {means}; revoke it with DELETE /v1/decisions/{decision} first.",
            code=otherwise.code,
        ) from otherwise
    except Redirected as led:
        survivor = who.ids.encode(led.survivor)
        raise Stale(f"This profile was merged into {survivor}; read that one and decide there.") from led
