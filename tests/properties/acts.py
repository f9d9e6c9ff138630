"""What somebody does beside what the sources send: decide on two records, take it back, change the policy."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, assert_never

from hypothesis import strategies as st

from app.core.crypto.keyring import Keyring
from app.core.errors import NotFound, Refused
from app.domain import decide, models, policies
from app.domain.contention import retried
from app.domain.decide import DecidedOtherwise, Ruling
from app.domain.profiles import RecordName
from app.identity.matching.model import Model
from app.identity.matching.shipped import shipped
from app.identity.policy import Policy
from app.workers.refresh import refresh_due
from tests.make import Tenant
from tests.properties.fuse import with_fuse
from tests.properties.reading import Name

Verdict: TypeAlias = Literal["same", "different"]
BY = "ann"


@dataclass(frozen=True)
class Decide:
    verdict: Verdict
    a: Name
    b: Name


@dataclass(frozen=True)
class Revoke:
    """Take back a decision that stands, one of those in the order in which they were made."""

    number: int


@dataclass(frozen=True)
class Switch:
    policy: Policy


Act: TypeAlias = Decide | Revoke | Switch


def acts(names: Sequence[Name]) -> st.SearchStrategy[Act]:
    """Decisions on records of these names, and revocations."""
    two = st.lists(st.sampled_from(names), min_size=2, max_size=2, unique=True)
    verdicts: st.SearchStrategy[Verdict] = st.sampled_from(["same", "same", "different"])
    decisions: st.SearchStrategy[Act] = st.builds(lambda verdict, pair: Decide(verdict, *pair), verdicts, two)
    return st.one_of(decisions, decisions, decisions, st.builds(Revoke, st.integers(0, 3)))


class Desk:
    """Where the acts are done. `tenant` holds the policy in force; `standing` is every decision that was taken and not
    revoked, with its id; `models` are those that a policy may name. With a `fuse` the connection ends before that
    statement of an act."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.fuse: int | None = None
        self.models: dict[int, Model] = {models.SHIPPED: shipped()}
        self.standing: dict[frozenset[Name], tuple[int, Verdict]] = {}

    @property
    def decided(self) -> dict[frozenset[Name], Verdict]:
        return {pair: verdict for pair, (_, verdict) in self.standing.items()}

    async def do(self, act: Act) -> None:
        match act:
            case Decide():
                await self.decide(act)
            case Revoke():
                await self.revoke(act)
            case Switch():
                await self.switch(act.policy)
            case _:
                assert_never(act)

    async def decide(self, act: Decide) -> Ruling | None:
        """None where the product rightly refuses: a record that is not there, or was decided on otherwise."""
        pair = frozenset({act.a, act.b})
        names = RecordName(*act.a), RecordName(*act.b)
        try:
            ruling = await self._done(lambda tx, **said: decide.decide(tx, self.keyring, act.verdict, *names, **said))
        except DecidedOtherwise:
            assert self.standing[pair][1] != act.verdict
            return None
        except (NotFound, Refused):
            return None
        assert ruling.decided == (pair not in self.standing)
        self.standing[pair] = (ruling.decisions[0].id, act.verdict)
        return ruling

    async def revoke(self, act: Revoke) -> None:
        if not self.standing:
            return
        pair = list(self.standing)[act.number % len(self.standing)]
        id, _ = self.standing[pair]
        ruling = await self._done(lambda tx, **said: decide.revoke(tx, self.keyring, id, **said))
        assert ruling.revoked == 1
        del self.standing[pair]

    async def merge(self, one: int, other: int) -> Ruling | None:
        """Two profiles become one; None where a verdict stands against it."""
        try:
            return await self._done(lambda tx, **said: decide.merge(tx, self.keyring, one, other, **said))
        except DecidedOtherwise:
            return None

    async def split(self, id: int, going: Collection[Name]) -> Ruling:
        names = [RecordName(*name) for name in sorted(going)]
        return await self._done(lambda tx, **said: decide.split(tx, self.keyring, id, names, **said))

    async def take_back(self, act: Ruling) -> Ruling:
        """Revoke all that was decided in an act."""
        first = act.decisions[0].id
        return await self._done(lambda tx, **said: decide.revoke(tx, self.keyring, first, whole=True, **said))

    @property
    def keyring(self) -> Keyring:
        return self.tenant.keyring

    async def _done(self, act: Callable[..., Awaitable[Ruling]]) -> Ruling:
        async def once() -> Ruling:
            async with self.tenant.rt.begin(self.tenant.id) as tx:
                burning = tx if self.fuse is None else with_fuse(tx, self.fuse)
                return await act(burning, by=BY, now=self.tenant.rt.now())

        return await retried(once)

    async def train(self, model: Model) -> None:
        """Keep a model of the workspace's own."""
        async with self.tenant.rt.begin(self.tenant.id) as tx:
            version = await models.add(tx, self.keyring, model, now=self.tenant.rt.now())
        self.models[version] = model

    async def switch(self, policy: Policy) -> None:
        """Put a policy in force, and derive everybody again as a worker does."""
        one = self.tenant
        async with one.rt.begin(one.id) as tx:
            held = await policies.in_force(tx, one.keyring)
            await policies.put(tx, one.keyring, held.version, policy, now=one.rt.now())
        await refresh_due(one.rt, 1)
        self.tenant = replace(one, policy=policy)
