"""What a batch locks, and in which order, so that any number of writers give what one writer gives.

Two records that can see each other share a key: an identifier, or the record's
own (source, key). Locking the keys of a batch in sorted order serialises
exactly those batches. The locks end with the transaction.
"""

from collections.abc import Iterable, Mapping

from app.core.sql import Queries, Tx

Token = bytes

_pipeline = Queries("pipeline")


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


async def counts(tx: Tx, caps: Mapping[Token, int]) -> dict[Token, int]:
    """How many records carry each token, counted no further than its cap and one."""
    if not caps:
        return {}
    rows = await _pipeline.rows(tx, "counts", tokens=list(caps), caps=list(caps.values()))
    return {row["token"]: row["carried"] for row in rows}
