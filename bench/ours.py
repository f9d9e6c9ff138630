"""Our side of the pipeline's benchmarks: sayings into the log, and a Processor that works them off."""

from collections.abc import Sequence

import orjson

from app.core.ids import PublicIds
from app.core.runtime import Runtime
from app.domain import record_ingest
from app.domain.record_ingest import Item
from app.workers.process import Processor
from bench.house import Tenant
from bench.workload import Saying, residents

CHUNK = 1000


async def append(rt: Runtime, tenant: Tenant, sayings: Sequence[Saying], batch: int) -> None:
    """Put sayings into the log as record ingest does, CHUNK a transaction.

    A repetition is the same content under a message id of its own, so that the log takes it and the pipeline meets it.
    """
    for start in range(0, len(sayings), CHUNK):
        items = []
        for place, saying in enumerate(sayings[start : start + CHUNK]):
            said = {**saying.item(), "message_id": f"{batch}-{start + place}"}
            items.append(Item(place, orjson.dumps(said), said))
        async with rt.begin(tenant.id) as tx:
            receipt = await record_ingest.accept(
                tx,
                tenant.keyring,
                tenant.source,
                items,
                now=rt.now(),
                batch_id=PublicIds(tenant.workspace.salt).encode(batch),
                max_bytes=rt.settings.max_record_bytes,
            )
        assert receipt.accepted == len(items), receipt.rejected[:1]


async def fill(rt: Runtime, tenant: Tenant, many: int, *, batch: int = 1_000_000_000) -> None:
    """Make a population resident, through the log and the pipeline like everybody."""
    processor = Processor(rt, batch)
    for number, people in enumerate(residents(many)):
        await append(rt, tenant, people, batch + number)
        await processor.drain(tenant.id)
