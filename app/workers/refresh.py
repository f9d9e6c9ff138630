"""Walk the records of workspaces whose rules have changed, a batch and its position in one transaction."""

from app.core.runtime import Runtime
from app.core.sql import Queries
from app.domain import keys
from app.domain.contention import retried
from app.domain.pipeline.refresh import refresh

RECORDS_A_BATCH = 300

_refreshes = Queries("refreshes")
_workers = Queries("workers")


async def refresh_due(rt: Runtime, lease: int) -> int:
    """Do what walks are due and nobody else holds; return how many records were derived again."""
    async with rt.lobby() as lobby:
        due = [row["id"] for row in await _refreshes.rows(lobby, "due")]
    return sum([await _walk(rt, workspace_id, lease) for workspace_id in due])


async def _walk(rt: Runtime, workspace_id: int, lease: int) -> int:
    async with rt.begin(workspace_id) as tx:
        held = await _refreshes.row(tx, "claim", lease=lease, seconds=rt.settings.lease_seconds)
    if held is None:
        return 0
    position, total = held["position"], 0

    async def once() -> tuple[int, int, bool]:
        async with rt.begin(workspace_id) as tx:
            keyring = await keys.keyring(rt, tx)
            now = await _workers.value(tx, "clock")
            at, many = await refresh(tx, keyring, position, many=RECORDS_A_BATCH, now=now)
            is_last = many < RECORDS_A_BATCH
            moved = await _refreshes.value(
                tx,
                "move",
                id=held["id"],
                lease=lease,
                position=at,
                many=many,
                is_last=is_last,
                seconds=rt.settings.lease_seconds,
            )
            return at, many, is_last or moved is None

    is_over = False
    while not is_over:
        position, many, is_over = await retried(once)
        total += many
    return total
