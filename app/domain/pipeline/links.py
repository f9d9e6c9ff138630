"""What is written of why: the links of everybody who was placed, and the pairs that a person should see."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple, TypeAlias

from app.core.sql import Queries, arrays
from app.domain.pipeline.batch import Batch
from app.domain.pipeline.ties import Ties
from app.identity.cluster import Tie
from app.identity.identifier import Identifier

CONTRADICTION = 1000.0
"""The worth of verdicts that contradict each other: more than any score, for only a person can end it."""
NO_TOKEN = b""

LinkRow: TypeAlias = tuple[int, int, str, bytes, str | None, float | None, int | None, str | None]
"""a, b, kind, token, namespace, score, model, refused."""

_ties = Queries("ties")


class Review(NamedTuple):
    """A pair that waits for a person, `a` < `b`. `worth` orders the queue: log2 Bayes factors, or what a shared
    identifier stands for."""

    a: int
    b: int
    worth: float
    kind: str
    namespace: str | None
    score: float | None
    refused: str | None


async def write(batch: Batch, moving: Collection[int], ties: Iterable[Tie], tied: Ties) -> None:
    """Replace the links and reviews of what was derived again. A record that is new and alone has none to replace."""
    ties = list(ties)
    old = [id for id in moving if not batch.region.records[id].is_new]
    models = {(pair.a, pair.b): pair.model for pair in tied.pairs}
    if old:
        await _ties.run(batch.tx, "drop_links", record_ids=old)
        await _ties.run(batch.tx, "drop_reviews", record_ids=old)
    if ties:
        rows = [link_row(tie, batch.token, models) for tie in ties]
        names = "firsts seconds kinds tokens namespaces scores models refusals"
        await _ties.run(batch.tx, "add_links", **arrays(rows, names))
    if waiting := list(reviews(batch, ties, tied)):
        await _ties.run(
            batch.tx, "add_reviews", **arrays(waiting, "firsts seconds worths kinds namespaces scores refusals")
        )


def link_row(tie: Tie, token: Callable[[Identifier], bytes], models: Mapping[tuple[int, int], int]) -> LinkRow:
    """A link as it is stored; `models` are those that scored the pairs."""
    held = tie.identifier
    return (
        *ordered(tie),
        tie.kind,
        NO_TOKEN if held is None else token(held),
        None if held is None else held.namespace,
        tie.score,
        models.get(ordered(tie)) if tie.kind == "match" else None,
        tie.refused,
    )


def ordered(tie: Tie) -> tuple[int, int]:
    return (tie.a, tie.b) if tie.a < tie.b else (tie.b, tie.a)


def reviews(batch: Batch, ties: Iterable[Tie], tied: Ties) -> Iterable[Review]:
    """One for each pair that nobody has decided: a refused link, or a score below the automatic threshold between two
    profiles. Of several for one pair the one most worth."""
    decided = {(d.a, d.b) for d in tied.decisions}
    found: dict[tuple[int, int], Review] = {}
    for tie in ties:
        pair = ordered(tie)
        if tie.refused is not None and (tie.kind == "decision" or pair not in decided):
            _keep(found, _refused(batch, pair, tie))
    records = batch.region.records
    for scored in tied.pairs if batch.matcher is not None else ():
        if scored.score >= batch.automatic or (scored.a, scored.b) in decided:
            continue
        one, other = records.get(scored.a), records.get(scored.b)
        apart = one is None or other is None or one.profile_id != other.profile_id
        if apart:
            _keep(found, Review(scored.a, scored.b, scored.score, "match", None, scored.score, None))
    return found.values()


def _refused(batch: Batch, pair: tuple[int, int], tie: Tie) -> Review:
    if tie.identifier is not None:
        namespace = tie.identifier.namespace
        return Review(*pair, batch.policy.rule(namespace).priority / 10, "identifier", namespace, None, tie.refused)
    worth = CONTRADICTION if tie.score is None else tie.score
    return Review(*pair, worth, tie.kind, None, tie.score, tie.refused)


def _keep(found: dict[tuple[int, int], Review], review: Review) -> None:
    held = found.get((review.a, review.b))
    if held is None or (review.worth, review.kind) > (held.worth, held.kind):
        found[review.a, review.b] = review
