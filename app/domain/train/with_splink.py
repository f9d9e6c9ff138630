"""Splink as the trainer: its expectation-maximisation over the same comparisons, read back into a model.

Splink 5 (MIT) comes with the extra `train`; without it this module cannot be imported. It learns `m` and `u`; how
common values are, and how many records are one person, which the thresholds follow from, are estimated as always.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from splink import DuckDBAPI, Linker

from app.identity.matching.adapt import adapt
from app.identity.matching.features import Features
from app.identity.matching.model import Comparison, Level, Model
from app.identity.matching.splink_settings import splink_row, splink_settings

SEED: Final = 20_261_124
STRANGERS: Final = 1_000_000
"""Pairs at random, from which Splink estimates `u`."""
CHANCE: Final = 1e-4
"""How likely two records are one person where EM begins; it moves that itself."""
LEAST_M: Final = 0.005
LEAST_U: Final = 1e-6
"""A level that was hardly ever seen in a sample is rare, not impossible: it must not decide alone."""
TOGETHER: Final = (
    ("birthday",),
    ("given", "family"),
    ("family_sound", "postcode"),
)
"""What candidates of each run of EM share. A run learns nothing of the comparisons that it blocks on."""


def fitted(model: Model, records: Sequence[Features]) -> Model:
    """The model with what Splink learns of these records; what it could not learn is as `adapt` has it."""
    start = adapt(model, records)
    rows = [splink_row(start, number, record) for number, record in enumerate(records)]
    settings = splink_settings(start) | {"probability_two_random_records_match": CHANCE}
    linker = Linker(DuckDBAPI().register(rows), settings, log_level=logging.ERROR)
    linker.training.estimate_u_using_random_sampling(max_pairs=STRANGERS, seed=SEED)
    for columns in TOGETHER:
        if any(all(getattr(record, column) for column in columns) for record in records):
            rule = " AND ".join(f"l.{column} = r.{column} AND l.{column} <> ''" for column in columns)
            linker.training.estimate_parameters_using_expectation_maximisation(rule, record_sample_proportion=1.0)
    learned = linker.misc.save_model_to_json()["comparisons"]
    comparisons = tuple(_read(each, said) for each, said in zip(start.comparisons, learned, strict=True))
    return replace(start, comparisons=comparisons, origin="splink")


def _read(comparison: Comparison, learned: Mapping[str, Any]) -> Comparison:
    levels = [each for each in learned["comparison_levels"] if not each.get("is_null_level")]
    pairs = zip(comparison.levels, levels, strict=True)
    return replace(comparison, levels=tuple(_level(level, said) for level, said in pairs))


def _level(level: Level, learned: Mapping[str, Any]) -> Level:
    """A level as Splink learned it. One that says nothing, for or against, goes on so."""
    m, u = learned.get("m_probability"), learned.get("u_probability")
    if level.m == level.u or not isinstance(m, float) or not isinstance(u, float):
        return level
    return replace(level, m=min(1.0, max(LEAST_M, m)), u=min(1.0, max(LEAST_U, u)))
