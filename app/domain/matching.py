"""Matching, as the pipeline uses it: what of a record is compared, under which model, from which score it links."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from app.domain.claims import Json, RecordState
from app.identity.identifier import Identifier
from app.identity.matching.features import IDENTIFIERS
from app.identity.policy import EDITED_RECORD

SHARED: Final = frozenset(("email", "phone", "anonymous_id", "device_id", EDITED_RECORD))
"""Namespaces that say nothing here: compared as traits, or shared by whoever uses one machine."""

Features: TypeAlias = Any
"""What one record is compared by; its shape belongs to the model."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One version of a model with the thresholds in force, in log2 Bayes factors.

    `columns` are the traits that it reads; `features` makes of them what is compared, `keys` the blocking keys; a key
    that more than `max_holders` records carry brings no candidates. `bits` scores two records.
    """

    version: int
    automatic: float
    review: float
    max_holders: int
    columns: frozenset[str]
    features: Callable[[Mapping[str, Json]], Features]
    keys: Callable[[Features], Collection[str]]
    bits: Callable[[Features, Features], float]
    dump: Callable[[Features], bytes]
    load: Callable[[bytes], Features]

    def compared(self, state: RecordState, identifiers: Collection[Identifier] = ()) -> dict[str, Json]:
        """What the record says today of the traits that are compared, and under IDENTIFIERS which of `identifiers` few
        would share by chance; given are those that may link it."""
        removed = state.removed
        said = {
            name: claim[1]
            for name, claim in state.traits.items()
            if name in self.columns and claim[1] is not None and claim[0] > removed
        }
        if IDENTIFIERS in self.columns:
            own = sorted(f"{i.namespace}:{i.value}" for i in identifiers if i.namespace not in SHARED)
            if own:
                said[IDENTIFIERS] = own
        return said
