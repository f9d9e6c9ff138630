"""Where each row of an import went: so that `<import id>-<row>` finds the fate of every one of them.

A row may be named in the log by its own id or by what it says, or repeat what another row or request has brought; what
was set aside is found by its place in quarantine.
"""

from collections.abc import Sequence
from datetime import datetime

from app.core.ids import PublicIds
from app.core.sql import Queries, Tx
from app.domain import fates
from app.domain.fates import Fate
from app.domain.record_ingest import Receipt

MAX_DIGITS = 18
"""A longer number is no row's: it would not fit into the database's."""

_imports = Queries("imports")


async def keep(tx: Tx, import_id: int, positions: Sequence[int], receipt: Receipt, *, now: datetime) -> None:
    """Note where the rows of one page went, in the transaction that takes them. `positions` has one for each item."""
    aside = {index for index, _ in receipt.rejected}
    repeats = set(receipt.repeats)
    kept = [index for index in range(len(positions)) if index not in aside]
    if kept:
        await _imports.run(
            tx,
            "add_page",
            id=import_id,
            first=positions[kept[0]],
            positions=[positions[index] for index in kept],
            log_ids=[receipt.log_ids[index] for index in kept],
            repeats=[index in repeats for index in kept],
            now=now,
        )


async def fate_of_row(tx: Tx, ids: PublicIds, message_id: str) -> Fate | None:
    """The fate of `<import id>-<row>`; None for what is no such name, and for a row that was not read yet."""
    public, _, digits = message_id.rpartition("-")
    import_id = ids.decode(public)
    if import_id is None or not (digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS):
        return None
    row = await _imports.row(tx, "row", id=import_id, position=int(digits))
    if row is None:
        aside = await _imports.row(tx, "row_aside", id=import_id, position=int(digits))
        return None if aside is None else await fates.of_aside(tx, aside)
    found = await fates.of_entry(tx, row["log_id"]) if row["log_id"] is not None else None
    if found is not None and not row["is_repeat"]:
        return found
    profile = (None, None) if found is None else (found.profile_id, found.profile_version)
    return Fate("duplicate", None, *profile, row["read_at"], row["read_at"])
