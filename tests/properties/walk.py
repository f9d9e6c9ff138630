"""A history walked batch by batch, with a look at the workspace after each."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.core.runtime import Runtime
from app.domain import models
from app.identity.matching.model import Model
from app.identity.matching.scorer import Scorer
from app.identity.matching.shipped import shipped
from app.identity.policy import Matching
from tests.make import Tenant, tenant
from tests.properties.acts import Desk, Switch
from tests.properties.alike import beside
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


def own_model() -> Model:
    """A model that knows nothing of birthdays."""
    known = shipped()
    told = tuple(each for each in known.comparisons if "birthday" not in each.present)
    return replace(known, comparisons=told, automatic=10.0, review=2.0, origin="test")


async def begun(rt: Runtime, history: History) -> Walk:
    """The first step of a history, in a workspace of its own with all that its rules speak of."""
    policy = history.policy
    named = [policy, *(act.policy for acts in history.acts for act in acts if isinstance(act, Switch))]
    if all(each.matching.model == models.SHIPPED for each in named):
        return Walk(await tenant_of(rt, history), history)
    plain = replace(history, policy=replace(policy, matching=Matching(on=False)))
    walk = Walk(await tenant_of(rt, plain), history)
    await walk.desk.train(own_model())
    await walk.desk.switch(policy)
    return walk


def meaning_of(history: History, desk: Desk) -> Meaning:
    """What the messages mean under the policy of today, with the decisions that stand."""

    def also(live: Sequence[Record]) -> Beside:
        matching = desk.tenant.policy.matching
        if not matching.on:
            return Beside(decided=desk.decided, single=SINGLE)
        return beside(live, models.matcher(matching, Scorer(desk.models[matching.model])), SINGLE, desk.decided)

    return meaning(history.messages, desk.tenant.policy, PRIORITIES, RULES, beside=also)
