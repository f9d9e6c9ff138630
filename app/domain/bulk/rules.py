"""The rules that a partition is a function of, beside the records and what people decided."""

import math
from dataclasses import dataclass

from app.core.crypto.keyring import Keyring
from app.core.sql import Tx
from app.domain import models, sources
from app.domain.matching import Matcher
from app.domain.sources import Source
from app.identity.cluster import on_grid
from app.identity.matching.model import Model
from app.identity.policy import Policy


@dataclass(frozen=True, slots=True)
class Rules:
    """A policy with the model that it names; `matcher` and `model` are None where it leaves matching off."""

    policy: Policy
    matcher: Matcher | None
    model: Model | None
    sources: dict[int, Source]

    @property
    def automatic(self) -> float:
        """The score from which the model links a pair, in log2 Bayes factors."""
        return math.inf if self.matcher is None else self.matcher.automatic

    @property
    def floor(self) -> int:
        """The least score that is kept, in steps of the grid."""
        assert self.matcher is not None
        return on_grid(min(self.matcher.review, self.matcher.automatic))


async def rules(tx: Tx, keyring: Keyring, policy: Policy) -> Rules:
    """What a policy says, in force or not. Raises NotFound for a model that is not there."""
    known = await sources.all_sources(tx)
    matcher = await models.in_force(tx, keyring, policy.matching)
    if matcher is None:
        return Rules(policy, None, None, known)
    held = await models.scorer(tx, keyring, policy.matching.model)
    return Rules(policy, matcher, held.model, known)
