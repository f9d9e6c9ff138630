"""What somebody should look at: identifiers that stopped linking, components that grew past their cap."""

from typing import Final

from app.core.sql import Queries, arrays
from app.domain.pipeline.batch import Batch

GENERIC: Final = "generic_identifier"
"""More records carry it than may: the links that it made are taken back."""

FROZEN: Final = "component_frozen"
"""More records hang together than may: what was new is held back from linking."""

_alerts = Queries("alerts")


async def write(batch: Batch) -> None:
    """Raise an alert for each identifier that became generic and each component that was frozen, once while it is open;
    settle those of identifiers that link again."""
    raised: list[tuple[str, bytes, str | None, int, int]] = [
        (GENERIC, batch.token(held), held.namespace, _a_holder(batch, held), size)
        for held, size in batch.region.risen.items()
    ]
    raised += [(kind, token, name, id, size) for (kind, token), (name, id, size) in batch.region.alerts.items()]
    if raised:
        await _alerts.run(
            batch.tx, "raise", now=batch.now, **arrays(raised, "kinds tokens namespaces record_ids sizes")
        )
    if batch.region.fallen:
        tokens = [batch.token(held) for held in batch.region.fallen]
        await _alerts.run(batch.tx, "settle", kind=GENERIC, tokens=tokens, now=batch.now)


def _a_holder(batch: Batch, held: object) -> int:
    """A record by which a person can find the identifier: the oldest of this batch that carries it."""
    return min(r.id for r in batch.region.records.values() if held in r.identifiers)
