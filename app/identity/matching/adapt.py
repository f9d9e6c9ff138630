"""A model that fits the records at hand, learned without labels: how common values are, how often strangers agree, and
from which score a link is right.

Everything leans on the model that it starts from, the more so the fewer records there are: a prior of so many
records is mixed in, so that nothing runs away.
"""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Final

from app.identity.matching.blocking import MAX_HOLDERS, blocking_keys
from app.identity.matching.features import Features
from app.identity.matching.model import Comparison, Frequencies, Level, Model
from app.identity.matching.scorer import Scorer, judge

PRIOR: Final = 200
"""Records that the frequencies of the model count for."""

PRIOR_PAIRS: Final = 2_000
"""Pairs that its `u` count for."""

SAMPLED: Final = 200_000
"""Pairs of records, drawn at random, from which `u` is estimated."""

RARE: Final = 2
"""A value that fewer records have is one of the others."""

PRIOR_MATCHES: Final = 500
"""Pairs of one person that its `m` count for."""

COMPARED: Final = 300_000
"""Candidate pairs, drawn at random, from which `m` and the number of matches are estimated."""

ROUNDS: Final = 6
"""Of expectation and maximisation."""

RIGHT: Final = 0.9
"""Of the pairs just at the automatic threshold this share is right; of all above it many more."""

REVIEWED: Final = 0.1
"""The same for the threshold from which a person sees a pair."""

LEAST_OTHERS: Final = 0.01
SURE: Final = 40.0
LEAST: Final = 0.001

SEED: Final = 20_261_124


def adapt(model: Model, records: Sequence[Features]) -> Model:
    """The model fitted to these records. The same records in the same order give the same model."""
    if len(records) < 2:
        return model
    drawn = random.Random(SEED)  # noqa: S311  a sample, no secret
    fitted = replace(
        model,
        comparisons=tuple(_with_u(each, records, drawn) for each in model.comparisons),
        frequencies={name: _counted(name, held, records) for name, held in model.frequencies.items()},
        origin="adapted",
    )
    pairs, share = _candidates(records, drawn)
    others = 1.0
    for _ in range(ROUNDS):
        fitted, others = _step(model, fitted, records, pairs, share, others)
    odds = math.log2(len(records) / others)
    automatic = round(odds + math.log2(RIGHT / (1 - RIGHT)), 3)
    return replace(
        fitted, automatic=automatic, review=min(automatic, round(odds + math.log2(REVIEWED / (1 - REVIEWED)), 3))
    )


def _candidates(records: Sequence[Features], drawn: random.Random) -> tuple[list[tuple[int, int]], float]:
    """Pairs that blocking brings together, a sample where they are many, and which share of them that is."""
    holders: dict[str, list[int]] = defaultdict(list)
    for number, record in enumerate(records):
        for key in blocking_keys(record):
            holders[key].append(number)
    met = {pair for ids in holders.values() if len(ids) <= MAX_HOLDERS for pair in combinations(ids, 2)}
    ordered = sorted(met)
    if len(ordered) <= COMPARED:
        return ordered, 1.0
    return drawn.sample(ordered, COMPARED), COMPARED / len(ordered)


def _step(
    model: Model,
    fitted: Model,
    records: Sequence[Features],
    pairs: Sequence[tuple[int, int]],
    share: float,
    others: float,
) -> tuple[Model, float]:
    """One round: how likely each pair is one person under the model so far, and what follows for `m` and for how many
    others of its person a record has on average."""
    scorer = Scorer(fitted)
    judges = [judge(each) for each in fitted.comparisons]
    seen = [[0.0] * len(each.levels) for each in fitted.comparisons]
    odds = math.log2(others / len(records))
    total = 0.0
    for a, b in pairs:
        one, other = records[a], records[b]
        bits = scorer.bits(one, other) + odds
        likely = 1.0 if bits > SURE else 0.0 if bits < -SURE else 1 / (1 + 2**-bits)
        if likely > LEAST:
            total += likely
            for counts, decide in zip(seen, judges, strict=True):
                level = decide(one, other)
                if level >= 0:
                    counts[level] += likely
    comparisons = tuple(
        _with_m(fitting, start, counts)
        for fitting, start, counts in zip(fitted.comparisons, model.comparisons, seen, strict=True)
    )
    return replace(fitted, comparisons=comparisons), max(LEAST_OTHERS, 2 * total / share / len(records))


def _with_m(fitting: Comparison, start: Comparison, counts: Sequence[float]) -> Comparison:
    many = sum(counts) + PRIOR_MATCHES
    levels = tuple(
        level if level.m == level.u else replace(level, m=(count + PRIOR_MATCHES * first.m) / many)
        for level, first, count in zip(fitting.levels, start.levels, counts, strict=True)
    )
    return replace(fitting, levels=levels)


def _counted(column: str, prior: Frequencies, records: Sequence[Features]) -> Frequencies:
    place = Features._fields.index(column)
    seen = Counter(value for record in records if (value := record[place]))
    many = sum(seen.values())
    if not many:
        return prior
    values = {
        str(value): (times + PRIOR * prior.of(str(value))) / (many + PRIOR)
        for value, times in seen.items()
        if times >= RARE
    }
    once = (1 + PRIOR * prior.others) / (many + PRIOR)
    return Frequencies(once, values)


def _with_u(comparison: Comparison, records: Sequence[Features], drawn: random.Random) -> Comparison:
    """The comparison with `u` as pairs at random show it."""
    places = [Features._fields.index(column) for column in comparison.present]
    able = [record for record in records if any(record[place] for place in places)]
    if len(able) < 2:
        return comparison
    decide = judge(comparison)
    seen: Counter[int] = Counter()
    for _ in range(min(SAMPLED, len(able) * (len(able) - 1) // 2)):
        one, other = drawn.sample(able, 2)
        seen[decide(one, other)] += 1
    many = sum(seen.values()) - seen[-1]
    levels = tuple(
        _fitted(level, (seen[number] + PRIOR_PAIRS * level.u) / (many + PRIOR_PAIRS))
        for number, level in enumerate(comparison.levels)
    )
    return replace(comparison, levels=levels)


def _fitted(level: Level, u: float) -> Level:
    """A level that says nothing, for or against, goes on saying nothing."""
    return level if level.m == level.u else replace(level, u=min(1.0, u))
