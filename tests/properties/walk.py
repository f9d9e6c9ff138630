"""A history walked batch by batch, with a look at the workspace after each."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.core.runtime import Runtime
from tests.make import Tenant, tenant
from tests.properties.acts import Desk
from tests.properties.histories import DEFINED, PRIORITIES, RULES, SINGLE, History
from tests.properties.oracle import Beside, Meaning, Record, meaning
from tests.properties.snapshot import Snapshot, snapshot


async def tenant_of(rt: Runtime, history: History) -> Tenant:
    """A workspace under the history's policy, in which some sources have one record for each person."""
    one = await tenant(rt, policy=history.policy, priorities=PRIORITIES, traits=DEFINED)
    await one.rows(
        "UPDATE sources SET one_per_person = true WHERE workspace_id = :workspace_id AND name = ANY(:names)",
        names=sorted(SINGLE),
    )
    told = {name: replace(source, one_per_person=name in SINGLE) for name, source in one.sources.items()}
    return replace(one, sources=told)


@dataclass
class Walk:
    """A history as it is taken in. `desk` knows what was decided on the way."""

    one: Tenant
    history: History
    desk: Desk = field(init=False)
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.desk = Desk(self.one)

    async def steps(self) -> AsyncIterator[Snapshot]:
        """Take the history in as it came; yield what the workspace holds after each batch of the pipeline and each
        act."""
        for number, (batch, size) in enumerate(zip(self.history.batches, self.history.sizes, strict=True)):
            await self.one.append(batch)
            processor = self.one.processor(batch_size=size, **self.settings)
            while lease := await processor.claim(self.one.id):
                await processor.process(lease)
                yield await snapshot(self.desk.tenant)
            for act in self.history.acts[number] if self.history.acts else ():
                await self.desk.do(act)
                yield await snapshot(self.desk.tenant)

    async def take(self) -> Snapshot:
        """The whole history, without looking before its end."""
        for number, (batch, size) in enumerate(zip(self.history.batches, self.history.sizes, strict=True)):
            await self.one.take(batch, batch_size=size, **self.settings)
            for act in self.history.acts[number] if self.history.acts else ():
                await self.desk.do(act)
        return await snapshot(self.desk.tenant)

    def meaning(self) -> Meaning:
        return meaning_of(self.history, self.desk)


async def walk(one: Tenant, history: History) -> AsyncIterator[Snapshot]:
    """Take the history in as it came; yield what the workspace holds after each of its steps."""
    async for now in Walk(one, history).steps():
        yield now


def meaning_of(history: History, desk: Desk) -> Meaning:
    """What the messages mean under the policy of today, with the decisions that stand."""

    def beside(live: Sequence[Record]) -> Beside:
        return Beside(decided=desk.decided, single=SINGLE)

    return meaning(history.messages, desk.tenant.policy, PRIORITIES, RULES, beside=beside)
