"""After the rules change: every profile is derived again, so that it stays a function of the data and today's rules.

Survivorship rules, trait classes, source priorities and the identity policy are
rules. Whoever changes one calls `request` in the same transaction; workers then
walk the records in id order, a batch a transaction, and can stop anywhere.
"""

from datetime import datetime

from app.core.sql import Queries, Tx

_refreshes = Queries("refreshes")


async def hold_rules(tx: Tx) -> None:
    """Keep the rules from changing until this transaction ends. The pipeline calls it before it reads them."""
    await _refreshes.rows(tx, "rules_shared")


async def wait_for_readers(tx: Tx) -> None:
    """Wait for batches that read the old rules. Those that begin from here on read what this transaction leaves."""
    await _refreshes.rows(tx, "rules_alone")


async def request(tx: Tx, reason: str, *, now: datetime) -> None:
    """Wait for batches that read the old rules, and let every profile be derived again after this commits."""
    await wait_for_readers(tx)
    await _refreshes.run(tx, "request", reason=reason, now=now)


async def is_under_way(tx: Tx) -> bool:
    """Whether profiles of this workspace may still be of older rules."""
    return bool(await _refreshes.value(tx, "open"))
