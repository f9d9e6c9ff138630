"""Matching models: the shipped one, those that a workspace trained, and the matcher that the policy in force names."""

from datetime import datetime
from functools import cache

from app.core.crypto.keyring import Keyring
from app.core.errors import Conflict, NotFound
from app.core.sql import Queries, Tx
from app.domain.matching import Matcher
from app.identity.matching import features
from app.identity.matching.blocking import MAX_HOLDERS, blocking_keys
from app.identity.matching.features import TRAITS
from app.identity.matching.model import Model, dump, load
from app.identity.matching.scorer import Scorer
from app.identity.matching.shipped import shipped
from app.identity.policy import Matching

SHIPPED = 0
MAX_REMEMBERED = 8
"""Compiled models kept in a process."""

_matching = Queries("matching")
_compiled: dict[tuple[int, int, datetime], Scorer] = {}


async def in_force(tx: Tx, keyring: Keyring, matching: Matching) -> Matcher | None:
    """The matcher that a policy names, or None where matching is off. Raises NotFound for a model that is not there."""
    if not matching.on:
        return None
    return matcher(matching, await _scorer(tx, keyring, matching.model))


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


async def get(tx: Tx, keyring: Keyring, version: int) -> Model:
    """One version. Raises NotFound."""
    return (await _scorer(tx, keyring, version)).model


async def add(tx: Tx, keyring: Keyring, model: Model, *, now: datetime) -> int:
    """Keep a model as the workspace's next version, which nothing uses yet; return its number."""
    rows = await _matching.rows(tx, "models")
    version = 1 + max((row["version"] for row in rows), default=SHIPPED)
    sealed = keyring.seal(dump(model), "models", "body", version)
    kept = await _matching.value(tx, "add_model", version=version, origin=model.origin, body=sealed, now=now)
    if kept is None:
        raise Conflict("Another model was added at the same moment; try again.")
    return version


async def listing(tx: Tx) -> list[tuple[int, str, datetime]]:
    """(version, origin, created at) of the workspace's own models, the newest first."""
    return [(row["version"], row["origin"], row["created_at"]) for row in await _matching.rows(tx, "models")]


async def _scorer(tx: Tx, keyring: Keyring, version: int) -> Scorer:
    if version == SHIPPED:
        return of_shipped()
    row = await _matching.row(tx, "model", version=version)
    if row is None:
        raise NotFound(f"There is no matching model {version}; train one with `cdp train`, or use 0, the shipped one.")
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
