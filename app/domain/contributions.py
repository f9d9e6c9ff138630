"""What a score is made of: each comparison's word on two records as they stand."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from app.core.crypto.keyring import Keyring
from app.core.sql import Tx
from app.domain import models, policies
from app.domain.pipeline.region import usable
from app.domain.source_records import SourceRecord
from app.identity.matching.scorer import Contribution

Scored: TypeAlias = tuple[SourceRecord, SourceRecord, int]
"""Two records, and the version of the model that scored them."""


async def contributions(tx: Tx, keyring: Keyring, wanted: Iterable[Scored]) -> list[Sequence[Contribution]]:
    """For each pair what its comparisons say, in bits, in the model's order; they add up to the score.

    Labels are the model's, never a record's values. Nothing is said of a pair whose model there is not.
    """
    pairs = list(wanted)
    if not pairs:
        return []
    policy = await policies.in_force(tx, keyring)
    versions = {version for *_, version in pairs}
    scorers = {each: await models.scorer(tx, keyring, each) for each in versions if await models.exists(tx, each)}
    records = {record.id: record for pair in pairs for record in pair[:2]}
    compared = {id: models.compared(each.state, usable(each.state, policy)) for id, each in records.items()}
    return [
        scorers[version].score(compared[one.id], compared[other.id]).contributions if version in scorers else ()
        for one, other, version in pairs
    ]
