"""One evaluation, from labelled records to figures: who is one person, how good that is, and what went wrong."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from app.domain.evaluate.mapping import Mapped
from app.domain.evaluate.mistakes import Mistakes, mistakes
from app.domain.evaluate.people import Member, People, Told, features_of, people
from app.domain.evaluate.scores import Scores
from app.domain.matching import Features, Matcher
from app.identity.evaluation import Evaluation, Measure, evaluate
from app.identity.policy import Policy

Explain: TypeAlias = Callable[[Features, Features], Sequence[tuple[str, str, float]]]
"""What a score is made of: (what is compared, how it agrees, bits), of two records' features."""


@dataclass(frozen=True, slots=True)
class Used:
    """What compares the records. `features` are theirs where the model was fitted to them."""

    matcher: Matcher
    explain: Explain
    features: Sequence[Features] | None = None


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
    used: Used | None
    scores: Scores | None
    mistakes: Mistakes
    unlabelled: int
    absent: int

    @property
    def matcher(self) -> Matcher | None:
        return self.used.matcher if self.used is not None else None

    def explained(self, a: int, b: int) -> Sequence[tuple[str, str, float]]:
        """What the score of two records is made of, what says most first; nothing without a model."""
        if self.used is None:
            return ()
        one, other = (features_of(self.found.members[id], self.used.matcher) for id in (a, b))
        return sorted(self.used.explain(one, other), key=lambda part: -abs(part[2]))

    @property
    def a_record(self) -> float:
        """Compared pairs a record."""
        return self.found.compared / max(len(self.found.members), 1)

    @property
    def waiting(self) -> int:
        """Pairs that a person would be asked about: alike enough, and not found to be one person."""
        clusters = [self.found.clusters[member.row.id] for member in self.found.members]
        return sum(clusters[pair.a] != clusters[pair.b] for pair in self.found.pairs)

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
    used: Used | None,
    told: Told = lambda *_: None,
) -> Outcome:
    """Resolve the records and compare the people found with the truth. Without `used` only identifiers link."""
    labels = [truth.get(member.row.id) for member in members]
    matcher, features = (used.matcher, used.features) if used is not None else (None, None)
    scores = Scores(labels, min(matcher.review, matcher.automatic)) if matcher is not None else None
    found = people(members, policy, matcher, told, scores.seen if scores is not None else _nobody, features)
    unlabelled = labels.count(None)
    return Outcome(
        mapped,
        evaluate(found.clusters, truth),
        found,
        labels,
        used,
        scores,
        mistakes(found, labels, scores),
        unlabelled,
        len(truth) - (len(members) - unlabelled),
    )


def _nobody(a: int, b: int, bits: float) -> None:
    """Without a model no pair is compared."""


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
