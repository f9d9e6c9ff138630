"""Run the steps over the entries of one batch, inside the caller's transaction."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from app.core.crypto.keyring import Keyring
from app.core.sql import Tx
from app.domain.entries import Entry
from app.domain.pipeline.batch import Batch
from app.domain.pipeline.begin import begin
from app.domain.pipeline.merge import merge
from app.domain.pipeline.normalize import normalize_words
from app.domain.pipeline.open import open_entries
from app.domain.pipeline.resolve import resolve
from app.domain.pipeline.settle import settle
from app.domain.pipeline.version import version

Step = Callable[[Batch], Awaitable[None]]

STEPS: tuple[tuple[str, Step], ...] = (
    ("open", open_entries),
    ("normalize", normalize_words),
    ("resolve", resolve),
    ("merge", merge),
    ("version", version),
    ("settle", settle),
)


async def run(
    tx: Tx,
    keyring: Keyring,
    entries: Sequence[Entry],
    *,
    now: datetime,
    timings: Callable[[str, float], None] = lambda _name, _seconds: None,
    check: Callable[[Batch], None] | None = None,
    steps: Sequence[tuple[str, Step]] = STEPS,
) -> Batch:
    """Take the entries through every step. `check` may look at the profiles as they were, locked, and raise.

    `timings` is told the name and the seconds of each step.
    """
    batch = await begin(tx, keyring, now, entries=list(entries), check=check)
    for name, step in steps:
        started = time.perf_counter()
        await step(batch)
        timings(name, time.perf_counter() - started)
    return batch


def outcome(batch: Batch) -> Mapping[str, int]:
    """How many messages were applied and how many set aside."""
    return {"applied": len(batch.words), "quarantined": len(batch.aside)}
