"""One evaluation, from labelled records to figures: who is one person, how good that is, and what went wrong."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from app.domain.evaluate.mapping import Mapped
from app.domain.evaluate.mistakes import Mistakes, mistakes
from app.domain.evaluate.people import Member, People, Told, people
from app.domain.evaluate.scores import Scores
from app.domain.matching import Matcher
from app.identity.cluster import on_grid
from app.identity.evaluation import Evaluation, Measure, evaluate
from app.identity.policy import Policy


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an evaluation found. `labels` is each record's entity by its place; `scores` is None without a model.

    `unlabelled` records are in the data and not in the truth: they are resolved and not judged. `absent` ones are in
    the truth alone and count as not found.
    """

    mapped: Mapped
    evaluation: Evaluation
    found: People
    labels: list[str | None]
    matcher: Matcher | None
    scores: Scores | None
    mistakes: Mistakes
    unlabelled: int
    absent: int

    @property
    def a_record(self) -> float:
        """Compared pairs a record."""
        return self.found.compared / max(len(self.found.members), 1)

    @property
    def waiting(self) -> int:
        """Pairs that a person would be asked about."""
        if self.matcher is None:
            return 0
        floor = on_grid(self.matcher.automatic)
        return sum(on_grid(pair.score) < floor for pair in self.found.pairs)

    @property
    def unreadable(self) -> Counter[str]:
        """Values that could not be normalised, by trait."""
        return Counter(name for member in self.found.members for name in member.state.unread)

    @property
    def told(self) -> Counter[str]:
        """Values that were there, by trait."""
        return Counter(name for member in self.found.members for name in member.row.traits)


def outcome(
    mapped: Mapped,
    members: list[Member],
    truth: Mapping[str, str],
    policy: Policy,
    matcher: Matcher | None,
    told: Told = lambda *_: None,
) -> Outcome:
    """Resolve the records and compare the people found with the truth."""
    labels = [truth.get(member.row.id) for member in members]
    scores = Scores(labels, min(matcher.review, matcher.automatic)) if matcher is not None else None
    found = people(members, policy, matcher, told, *([scores.seen] if scores is not None else []))
    unlabelled = labels.count(None)
    return Outcome(
        mapped,
        evaluate(found.clusters, truth),
        found,
        labels,
        matcher,
        scores,
        mistakes(found, labels, scores),
        unlabelled,
        len(truth) - (len(members) - unlabelled),
    )


def figures(outcome: Outcome) -> dict[str, Any]:
    """The figures as data, without a value of any record."""
    judged, matcher, scores = outcome.evaluation, outcome.matcher, outcome.scores
    columns = outcome.mapped.columns
    return {
        "pairs": {**_measure(judged.pairs), "right": judged.right, "wrong": judged.wrong, "missed": judged.missed},
        "bcubed": _measure(judged.bcubed),
        "exact": _measure(judged.exact),
        "counts": {
            name: getattr(judged, name)
            for name in ("records", "entities", "clusters", "overmerged", "torn", "largest", "largest_entity")
        }
        | {"unlabelled": outcome.unlabelled, "absent": outcome.absent},
        "matching": None
        if matcher is None or scores is None
        else {
            "model": matcher.version,
            "automatic": matcher.automatic,
            "review": matcher.review,
            "compared": outcome.found.compared,
            "compared_a_record": outcome.a_record,
            "true_pairs_compared": scores.alike.total(),
            "waiting": outcome.waiting,
        },
        "false_unions_through": dict(outcome.mistakes.through.most_common()),
        "torn_because": dict(outcome.mistakes.why.most_common()),
        "mapping": {
            "id": columns.id,
            "source": columns.source,
            "traits": {name: list(parts) for name, parts in columns.traits.items()},
            "identifiers": {name: list(parts) for name, parts in columns.identifiers.items()},
            "unused": list(outcome.mapped.unused),
        },
        "unreadable": dict(outcome.unreadable.most_common()),
    }


def _measure(measure: Measure) -> dict[str, float]:
    return {**asdict(measure), "f1": measure.f1}
