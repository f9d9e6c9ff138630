"""A model as settings of Splink 5 (DuckDB dialect), which gives the same score for the same pair of records.

A record is a row with the columns of `Features`, a `unique_id`, and `tf_<column>` for each column with frequencies.
The prior is one half, so that Splink's `match_weight` is the score itself.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from app.identity.matching.conditions import sql
from app.identity.matching.features import Features
from app.identity.matching.model import Comparison, Model
from app.identity.matching.scorer import LEAST_FREQUENCY

_SIDED: Final = re.compile(r"\b([lr])\.(\w+)")


def splink_settings(model: Model) -> dict[str, Any]:
    """What `splink.Linker` takes as settings. Bring your own blocking rules."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "unique_id",
        "probability_two_random_records_match": 0.5,
        "comparisons": [_comparison(each, model) for each in model.comparisons],
        "blocking_rules_to_generate_predictions": [],
    }


def splink_row(model: Model, unique_id: str | int, record: Features) -> dict[str, Any]:
    """A record as Splink reads it: its columns and how often their values occur, unknown where there is no value."""
    said: Mapping[str, Any] = record._asdict()
    columns = {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}
    often = {f"tf_{name}": each.of(said[name]) if said[name] else None for name, each in model.frequencies.items()}
    return {"unique_id": unique_id, **columns, **often}


def nothing_said(comparison: Comparison) -> str:
    """The SQL that holds where a comparison says nothing, of sides `l` and `r`; never NULL."""
    return f"NOT ({' OR '.join(f'(len(l.{name}) > 0 AND len(r.{name}) > 0)' for name in comparison.present)})"


def _comparison(comparison: Comparison, model: Model) -> dict[str, Any]:
    weighed = comparison.weighed if comparison.frequency in model.frequencies else None
    levels: list[dict[str, Any]] = [
        {"sql_condition": _splink(nothing_said(comparison)), "label_for_charts": "nothing said", "is_null_level": True}
    ]
    for number, level in enumerate(comparison.levels):
        made = {
            "sql_condition": "ELSE" if level.when is None else _splink(sql(level.when)),
            "label_for_charts": level.label,
            "m_probability": level.m,
            "u_probability": level.u,
        }
        if number == weighed:
            made |= {
                "tf_adjustment_column": comparison.frequency,
                "tf_adjustment_weight": 1.0,
                "tf_minimum_u_value": LEAST_FREQUENCY,
                "disable_tf_exact_match_detection": True,
            }
        levels.append(made)
    return {"output_column_name": comparison.name.replace(" ", "_").replace("-", "_"), "comparison_levels": levels}


def _splink(condition: str) -> str:
    return _SIDED.sub(r"\2_\1", condition)
