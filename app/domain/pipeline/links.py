"""What is written of why: the links of everybody who was placed, and the pairs that a person should see."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple, TypeAlias

from app.core.sql import Queries, arrays
from app.domain.pipeline.batch import Batch, Record
from app.domain.pipeline.ties import Ties
from app.identity.cluster import Tie, on_grid
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
    """What waits for a person: verdicts that cannot be followed, and between two people of whom nobody has said
    anything refused links and scores below the automatic threshold.

    Of several between two people of one component the one most worth, of equals that of the oldest records: one
    verdict settles them all.
    """
    settled = {_people(batch, d.a, d.b) for d in tied.decisions}
    found: dict[tuple[int, int], Review] = {}
    for tie in ties:
        if tie.refused is not None:
            pair = ordered(tie)
            people = _people(batch, *pair)
            if tie.kind == "decision":
                found[pair] = _refused(batch, pair, tie)
            elif people[0] != people[1] and people not in settled:
                _keep(batch, found, people, _refused(batch, pair, tie))
    for scored in tied.pairs if batch.matcher is not None else ():
        people = _people(batch, scored.a, scored.b)
        below = on_grid(scored.score) < on_grid(batch.automatic)
        if below and people[0] != people[1] and people not in settled:
            _keep(batch, found, people, Review(scored.a, scored.b, scored.score, "match", None, scored.score, None))
    return found.values()


def _people(batch: Batch, a: int, b: int) -> tuple[int, int]:
    """The two people that a pair is about, the smaller id first. Records of two components stand for themselves: what
    else is known of their people is out of reach here, and must not matter."""
    one, other = batch.region.records.get(a), batch.region.records.get(b)
    if one is not None and other is not None and one.component_id == other.component_id:
        a, b = one.profile_id or a, other.profile_id or b
    return (a, b) if a < b else (b, a)


def _refused(batch: Batch, pair: tuple[int, int], tie: Tie) -> Review:
    if tie.identifier is not None:
        namespace = tie.identifier.namespace
        return Review(*pair, batch.policy.rule(namespace).priority / 10, "identifier", namespace, None, tie.refused)
    worth = CONTRADICTION if tie.score is None else tie.score
    return Review(*pair, worth, tie.kind, None, tie.score, tie.refused)


def _keep(batch: Batch, found: dict[tuple[int, int], Review], people: tuple[int, int], review: Review) -> None:
    held = found.get(people)
    if held is None or _order(batch, review) < _order(batch, held):
        found[people] = review


def _order(batch: Batch, review: Review) -> tuple[object, ...]:
    """What is most worth comes first, then the oldest records: values of the data, never an id."""
    states = [(record.state.born, record.source.name, record.state.key) for record in _of(batch, review)]
    return -on_grid(review.worth), *sorted(states), review.kind


def _of(batch: Batch, review: Review) -> Iterable[Record]:
    return (batch.region.records[id] for id in (review.a, review.b))
