"""The fate of every message: what became of it, why, and which profile version it made. It can always be found."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core.crypto.keyring import Keyring
from app.core.sql import Queries, Tx
from app.domain import ingest_log

MAX_REPLAYS = 100

_log = Queries("ingest_log")


@dataclass(frozen=True, slots=True)
class Fate:
    """`fate` is applied, duplicate, suppressed, quarantined, pending or failed; `reason` a code where there is one."""

    fate: str
    reason: str | None
    profile_id: int | None
    profile_version: int | None
    received_at: datetime
    settled_at: datetime | None


async def of_message(tx: Tx, keyring: Keyring, message_id: str) -> Fate | None:
    """What became of the message with this id, replays followed; None where no such message was ever accepted."""
    token = ingest_log.message_token(keyring, message_id)
    row = await _log.row(tx, "fate", token=token)
    if row is not None:
        return await _followed(tx, dict(row))
    aside = await _log.row(tx, "fate_in_quarantine", token=token)
    return None if aside is None else await of_aside(tx, aside)


async def of_aside(tx: Tx, aside: Mapping[str, Any]) -> Fate | None:
    """What became of what was set aside before it came into the log, replays followed."""
    if aside["replayed_as"] is not None:
        return await of_entry(tx, aside["replayed_as"])
    discarded = aside["state"] == "discarded"
    return Fate(
        "failed" if discarded else "quarantined", aside["code"], None, None, aside["set_aside_at"], aside["settled_at"]
    )


async def of_entry(tx: Tx, log_id: int) -> Fate | None:
    """What became of one log entry, replays followed."""
    row = await _log.row(tx, "fate_of_entry", log_id=log_id)
    return None if row is None else await _followed(tx, dict(row))


async def _followed(tx: Tx, row: Mapping[str, Any]) -> Fate:
    """A message that was set aside and replayed has the fate of its replay, and its own time of receipt."""
    received_at = row["received_at"]
    for _ in range(MAX_REPLAYS):
        if row["replayed_as"] is None:
            break
        following = await _log.row(tx, "fate_of_entry", log_id=row["replayed_as"])
        if following is None:
            break
        row = dict(following)
    return Fate(
        row["fate"] or "pending",
        row["reason"],
        row["profile_id"],
        row["profile_version"],
        received_at,
        row["settled_at"],
    )
