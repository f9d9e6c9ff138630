"""A history walked batch by batch, with a look at the workspace after each."""

from collections.abc import AsyncIterator

from app.core.runtime import Runtime
from tests.make import Tenant, tenant
from tests.properties.histories import DEFINED, PRIORITIES, History
from tests.properties.snapshot import Snapshot, snapshot


async def tenant_of(rt: Runtime, history: History) -> Tenant:
    return await tenant(rt, policy=history.policy, priorities=PRIORITIES, traits=DEFINED)


async def walk(one: Tenant, history: History) -> AsyncIterator[Snapshot]:
    """Take the history in as it came; yield what the workspace holds after each of the pipeline's own batches."""
    for batch, size in zip(history.batches, history.sizes, strict=True):
        await one.append(batch)
        processor = one.processor(batch_size=size)
        while lease := await processor.claim(one.id):
            await processor.process(lease)
            yield await snapshot(one)
