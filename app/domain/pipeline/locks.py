"""What a batch locks, and in which order, so that any number of writers give what one writer gives.

Two records that can see each other share a key: an identifier, the record's
own (source, key), or a blocking key. Locking the keys of a batch in sorted
order, blocking keys after all the others, serialises exactly those batches.
The locks end with the transaction.
"""

from collections.abc import Collection, Iterable, Mapping

from app.core.errors import Unavailable
from app.core.sql import Queries, Tx

Token = bytes

_pipeline = Queries("pipeline")


class Moved(Unavailable):
    """Other writers kept changing the same people; the batch is tried again."""

    code = "moved"


def lock_key(token: Token) -> int:
    """The 64-bit advisory lock that stands for a token; tokens are keyed per workspace, so workspaces do not meet."""
    return int.from_bytes(token[:8], "big", signed=True)


async def take(tx: Tx, tokens: Iterable[Token], *, shared: frozenset[Token] = frozenset()) -> None:
    """Lock tokens in sorted order, those in `shared` for others that only add to them as well."""
    wanted: dict[int, bool] = {}
    for token in tokens:
        key = lock_key(token)
        wanted[key] = wanted.get(key, True) and token in shared
    if wanted:
        ordered = sorted(wanted.items())
        await _pipeline.rows(tx, "lock", keys=[k for k, _ in ordered], shared=[s for _, s in ordered])


async def take_counted(
    tx: Tx,
    caps: Mapping[Token, int],
    others: Iterable[Token] = (),
    *,
    lost: Collection[Token] = (),
    counting: Queries = _pipeline,
) -> None:
    """Lock tokens that records carry, each with its cap, and `others`.

    Tokens beyond their cap are shared, for nobody is linked by them; but those in `lost` are given up by a record:
    whoever takes a holder away must be alone with the count.
    """
    counted = await counts(tx, caps, counting)
    generic = frozenset(t for t, cap in caps.items() if counted[t] > cap).difference(lost)
    await take(tx, [*caps, *others], shared=generic)
    # Under the shared lock nobody can take a holder away; one that fell to its limit before we had it needs the
    # exclusive lock, which cannot be taken on top in order.
    again = await counts(tx, {t: caps[t] for t in generic}, counting)
    if any(again[t] <= caps[t] for t in generic):
        raise Moved


async def counts(tx: Tx, caps: Mapping[Token, int], counting: Queries = _pipeline) -> dict[Token, int]:
    """How many records carry each token, counted no further than its cap and one."""
    if not caps:
        return {}
    rows = await counting.rows(tx, "counts", tokens=list(caps), caps=list(caps.values()))
    return {row["token"]: row["carried"] for row in rows}
