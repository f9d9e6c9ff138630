"""The same model file gives the same score in Splink, pair by pair, frequencies included."""

from typing import Any

import pytest

from app.identity.matching.adapt import adapt
from app.identity.matching.scorer import Scorer
from app.identity.matching.shipped import shipped
from app.identity.matching.splink_settings import splink_row, splink_settings
from tests.identity.matching.people import crowd

MANY = 70


def test_scores_equal_those_of_splink() -> None:
    splink: Any = pytest.importorskip("splink", reason="Splink is not installed.")
    duckdb: Any = pytest.importorskip("splink.backends.duckdb", reason="DuckDB is not installed.")
    records = crowd(MANY, seed=9)
    for model in (shipped(), adapt(shipped(), records)):
        rows = [splink_row(model, number, record) for number, record in enumerate(records)]
        api = duckdb.DuckDBAPI()
        linker = splink.Linker(api.register(rows), splink_settings(model))
        scored = linker.inference.score_pairs(rows, rows).as_record_list()
        assert len(scored) == MANY * MANY
        scorer = Scorer(model)
        apart = [
            abs(pair["match_weight"] - scorer.bits(records[pair["unique_id_l"]], records[pair["unique_id_r"]]))
            for pair in scored
        ]
        assert max(apart) < 1e-9
        assert len({round(pair["match_weight"], 6) for pair in scored}) > MANY
