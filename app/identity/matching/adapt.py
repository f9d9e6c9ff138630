"""A model that fits the records at hand, learned without labels: how common values are, how often strangers agree, and
from which score a link is right.

Expectation and maximisation over two samples of pairs: those that blocking brings together, of which many are one
person, teach `m`; pairs at random, of which hardly any are, teach `u`. Everything leans on the model that it starts
from, the more so the fewer records there are: a prior of so many pairs is mixed in, so that nothing runs away.
"""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final, TypeAlias

from app.identity.matching.blocking import MAX_HOLDERS, blocking_keys
from app.identity.matching.features import Features
from app.identity.matching.model import Comparison, Frequencies, Level, Model
from app.identity.matching.scorer import LEAST_FREQUENCY, Judge, judge

PRIOR: Final = 200
"""Records that the frequencies of the model count for."""

PRIOR_PAIRS: Final = 2_000
"""Pairs that its `u` count for."""

PRIOR_MATCHES: Final = 500
"""Pairs of one person that its `m` count for."""

SAMPLED: Final = 100_000
"""Pairs of records, drawn at random, from which `u` is estimated."""

COMPARED: Final = 100_000
"""Candidate pairs, drawn at random, from which `m` and the number of matches are estimated."""

ROUNDS: Final = 8
"""Of expectation and maximisation."""

RIGHT: Final = 0.9
"""Of the pairs just at the automatic threshold this share is right; of all above it many more."""

REVIEWED: Final = 0.1
"""The same for the threshold from which a person sees a pair."""

LEAST_OTHERS: Final = 0.01
SURE: Final = 40.0

SEED: Final = 20_261_124

Pairs: TypeAlias = Iterable[tuple[int, int]]
Seen: TypeAlias = Mapping[tuple[tuple[int, ...], tuple[str, ...]], int]
"""How many pairs show these levels, one for each comparison, and agree on these values where a frequency weighs."""


@dataclass(frozen=True, slots=True)
class _Samples:
    """What EM is run on; `share` is the part of all candidates that `met` holds."""

    records: int
    met: Seen
    share: float
    strangers: Seen
    values: Mapping[str, Counter[str]]


def adapt(model: Model, records: Sequence[Features]) -> Model:
    """The model fitted to these records. The same records in the same order give the same model."""
    if len(records) < 2:
        return model
    samples = _samples(model, records)
    fitted, others = replace(model, origin="adapted"), 1.0
    for _ in range(ROUNDS):
        fitted, others = _step(model, fitted, samples, others)
    odds = math.log2(len(records) / others)
    automatic = round(odds + math.log2(RIGHT / (1 - RIGHT)), 3)
    review = min(automatic, round(odds + math.log2(REVIEWED / (1 - REVIEWED)), 3))
    return replace(fitted, automatic=automatic, review=review)


def _samples(model: Model, records: Sequence[Features]) -> _Samples:
    drawn = random.Random(SEED)  # noqa: S311  a sample, no secret
    candidates = _candidates(records)
    share = 1.0
    if len(candidates) > COMPARED:
        share = COMPARED / len(candidates)
        candidates = sorted(drawn.sample(candidates, COMPARED))
    many = len(records)
    if many * (many - 1) // 2 <= SAMPLED:
        strangers: Pairs = combinations(range(many), 2)
    else:
        strangers = ((a, b) for a, b in _at_random(drawn, many) if a != b)
    places = {name: Features._fields.index(name) for name in model.frequencies}
    values = {name: Counter(str(r[at]) for r in records if r[at]) for name, at in places.items()}
    return _Samples(many, _seen(model, records, candidates), share, _seen(model, records, strangers), values)


def _at_random(drawn: random.Random, many: int) -> Pairs:
    return ((int(drawn.random() * many), int(drawn.random() * many)) for _ in range(SAMPLED))


def _candidates(records: Sequence[Features]) -> list[tuple[int, int]]:
    """The pairs that blocking brings together, in order."""
    holders: dict[str, list[int]] = defaultdict(list)
    for number, record in enumerate(records):
        for key in set(blocking_keys(record)):
            holders[key].append(number)
    return sorted({pair for ids in holders.values() if len(ids) <= MAX_HOLDERS for pair in combinations(ids, 2)})


def _seen(model: Model, records: Sequence[Features], pairs: Pairs) -> Seen:
    """The pairs by what they show: compared once, then only counted."""
    judges: list[Judge] = [judge(each) for each in model.comparisons]
    weighed = [
        (number, each.weighed, Features._fields.index(each.frequency))
        for number, each in enumerate(model.comparisons)
        if each.frequency in model.frequencies
    ]
    seen: Counter[tuple[tuple[int, ...], tuple[str, ...]]] = Counter()
    for a, b in pairs:
        one, other = records[a], records[b]
        levels = tuple([decide(one, other) for decide in judges])
        seen[levels, tuple([str(one[at]) for number, level, at in weighed if levels[number] == level])] += 1
    return seen


def _step(model: Model, fitted: Model, samples: _Samples, others: float) -> tuple[Model, float]:
    """One round: how likely each pair is one person under the model so far, and what follows for `m`, `u`, the
    frequencies and for how many others of its person a record has on average."""
    same, alike = _expected(fitted, samples.met, others / samples.records)
    apart, _ = _expected(fitted, samples.strangers, others / samples.records, same=False)
    comparisons = tuple(
        replace(start, levels=tuple(_levels(start, m, u)))
        for start, m, u in zip(model.comparisons, same, apart, strict=True)
    )
    chance = {each.frequency: each.levels[each.weighed].u for each in comparisons if each.weighed is not None}
    frequencies = {
        name: _counted(samples.values[name], prior, others, chance.get(name, 1.0))
        for name, prior in model.frequencies.items()
    }
    others = max(LEAST_OTHERS, 2 * alike / samples.share / samples.records)
    return replace(fitted, comparisons=comparisons, frequencies=frequencies), others


def _expected(fitted: Model, seen: Seen, chance: float, *, same: bool = True) -> tuple[list[list[float]], float]:
    """How often each level shows among the pairs that are one person, or that are not; and how many pairs those are."""
    odds = math.log2(chance)
    bits = [[level.bits for level in each.levels] + [0.0] for each in fitted.comparisons]  # the last for -1
    weighed = []
    for number, each in enumerate(fitted.comparisons):
        frequencies = fitted.frequencies.get(each.frequency or "")
        if frequencies is not None and each.weighed is not None:
            weighed.append((number, each.weighed, frequencies))
            bits[number][each.weighed] = math.log2(each.levels[each.weighed].m)
    counts = [[0.0] * len(each) for each in bits]
    total = 0.0
    for (levels, values), many in seen.items():
        score = odds + sum([column[level] for column, level in zip(bits, levels, strict=True)])
        if values:
            shown = [frequencies for number, level, frequencies in weighed if levels[number] == level]
            for frequencies, value in zip(shown, values, strict=True):
                score -= math.log2(max(frequencies.of(value), LEAST_FREQUENCY))
        likely = 1 / (1 + 2 ** -max(-SURE, min(SURE, score)))
        weight = many * (likely if same else 1 - likely)
        total += weight
        for column, level in zip(counts, levels, strict=True):
            column[level] += weight
    return [column[:-1] for column in counts], total


def _levels(start: Comparison, same: Sequence[float], apart: Sequence[float]) -> Iterable[Level]:
    matches, strangers = sum(same) + PRIOR_MATCHES, sum(apart) + PRIOR_PAIRS
    for level, m, u in zip(start.levels, same, apart, strict=True):
        if level.m == level.u:  # it says nothing, for or against, and goes on so
            yield level
        else:
            yield replace(level, m=(m + PRIOR_MATCHES * level.m) / matches, u=(u + PRIOR_PAIRS * level.u) / strangers)


def _counted(seen: Counter[str], prior: Frequencies, others: float, chance: float) -> Frequencies:
    """How often each value occurs among strangers: a person's own other records are no sign that it is common. A value
    that is not listed is no more common than those on which strangers agree by chance are on average."""
    many = seen.total()
    if not many:
        return prior
    values = {
        value: (times - others + PRIOR * prior.of(value)) / (many + PRIOR)
        for value, times in seen.items()
        if times > 1 + others
    }
    return Frequencies(min(chance, (1 + PRIOR * prior.others) / (many + PRIOR)), values)
