"""Matching models: the shipped one, those that a workspace trained, and the matcher that the policy in force names."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final

from app.core.crypto.keyring import Keyring
from app.core.errors import Conflict, NotFound
from app.core.sql import Queries, Tx
from app.domain.claims import RecordState
from app.domain.matching import Matcher
from app.identity.identifier import Identifier
from app.identity.matching import features
from app.identity.matching.blocking import MAX_HOLDERS, blocking_keys
from app.identity.matching.features import TRAITS
from app.identity.matching.model import Model, dump, load
from app.identity.matching.scorer import Scorer
from app.identity.matching.shipped import shipped
from app.identity.policy import Matching

SHIPPED: Final = 0
MAX_REMEMBERED = 8
"""Compiled models kept in a process."""

_matching = Queries("matching")
_compiled: dict[tuple[int, int, datetime], Scorer] = {}


@dataclass(frozen=True, slots=True)
class Version:
    """A model and where it comes from: `shipped`, or how it was trained. The shipped one has no date."""

    version: int
    origin: str
    created_at: datetime | None
    model: Model


async def in_force(tx: Tx, keyring: Keyring, matching: Matching) -> Matcher | None:
    """The matcher that a policy names, or None where matching is off. Raises NotFound for a model that is not there."""
    if not matching.on:
        return None
    return matcher(matching, await scorer(tx, keyring, matching.model))


def matcher(matching: Matching, scorer: Scorer) -> Matcher:
    """A model under a policy's thresholds, else its own."""
    model = scorer.model
    automatic = model.automatic if matching.automatic is None else matching.automatic
    review = model.review if matching.review is None else matching.review
    return Matcher(
        matching.model,
        automatic,
        min(review, automatic),
        MAX_HOLDERS,
        TRAITS,
        features.features,
        blocking_keys,
        scorer.bits,
        features.dump,
        features.load,
    )


def compared(state: RecordState, identifiers: Collection[Identifier]) -> features.Features:
    """What a record that says this is compared by, whatever the model; `identifiers` are those that may link it."""
    plain = matcher(Matching(), of_shipped())
    found: features.Features = plain.features(plain.compared(state, identifiers))
    return found


async def get(tx: Tx, keyring: Keyring, version: int) -> Version:
    """One version. Raises NotFound."""
    model = (await scorer(tx, keyring, version)).model
    row = await _matching.row(tx, "model", version=version)
    return Version(version, model.origin, None if row is None else row["created_at"], model)


async def exists(tx: Tx, version: int) -> bool:
    """Whether there is such a version; none ever goes away."""
    return version == SHIPPED or await _matching.row(tx, "model", version=version) is not None


def unknown(version: int) -> str:
    """What to say of a version that there is not."""
    return f"There is no matching model {version}; train one with `cdp train`, or use 0, the shipped one."


async def add(tx: Tx, keyring: Keyring, model: Model, *, now: datetime) -> int:
    """Keep a model as the workspace's next version, which nothing uses yet; return its number."""
    version = 1 + int(await _matching.value(tx, "newest_model"))
    sealed = keyring.seal(dump(model), "models", "body", version)
    kept = await _matching.value(tx, "add_model", version=version, origin=model.origin, body=sealed, now=now)
    if kept is None:
        raise Conflict("Another model was added at the same moment; try again.")
    return version


async def page(tx: Tx, keyring: Keyring, *, before: int, many: int) -> list[Version]:
    """Versions below `before`, the newest first, the shipped one last."""
    rows = await _matching.rows(tx, "models", before=before, many=many)
    wanted = [row["version"] for row in rows]
    if len(wanted) < many and before > SHIPPED:
        wanted.append(SHIPPED)
    return [await get(tx, keyring, version) for version in wanted]


async def scorer(tx: Tx, keyring: Keyring, version: int) -> Scorer:
    """One version, compiled. Raises NotFound."""
    if version == SHIPPED:
        return of_shipped()
    row = await _matching.row(tx, "model", version=version)
    if row is None:
        raise NotFound(unknown(version))
    # A version never changes; when it was made tells two workspaces of two databases apart.
    place = (tx.workspace_id, version, row["created_at"])
    known = _compiled.get(place)
    if known is None:
        sealed = await _matching.value(tx, "model_body", version=version)
        known = Scorer(load(keyring.open(sealed, "models", "body", version)))
        if len(_compiled) >= MAX_REMEMBERED:
            _compiled.pop(next(iter(_compiled)))
        _compiled[place] = known
    return known


@cache
def of_shipped() -> Scorer:
    """The shipped model, compiled."""
    return Scorer(shipped())
