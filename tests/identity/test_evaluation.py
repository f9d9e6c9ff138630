"""The figures of a partition: by hand on a small one, and as the corpus's own script counts them on any."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.identity.evaluation import Measure, evaluate

SCORER = Path(__file__).parents[2].parent / "shared" / "tools" / "score_er.py"

ids = st.sampled_from("abcdefghij")
groups = st.sampled_from(["", "1", "2", "3", "4"])
partitions = st.dictionaries(ids, groups)


@pytest.fixture(scope="module")
def score() -> Callable[[dict[str, str], dict[str, str]], dict[str, Any]]:
    if not SCORER.is_file():
        pytest.skip("The corpora, with the script that scores them, are not beside the project.")
    spec = importlib.util.spec_from_file_location("score_er", SCORER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    scored: Callable[[dict[str, str], dict[str, str]], dict[str, Any]] = module.score
    return scored


def said(measure: Measure) -> dict[str, float]:
    return {"precision": measure.precision, "recall": measure.recall, "f1": measure.f1}


def same(one: dict[str, float], other: dict[str, float]) -> bool:
    return {name: other[name] for name in one} == pytest.approx(one, abs=1e-12)


@given(found=partitions, truth=partitions.filter(bool))
def test_any_partition_has_the_figures_that_the_script_of_the_corpora_gives(
    score: Callable[..., dict[str, Any]], found: dict[str, str], truth: dict[str, str]
) -> None:
    theirs, ours = score(found, truth), evaluate(found, truth)
    assert same(said(ours.pairs), theirs["pairwise"])
    assert same(said(ours.bcubed), theirs["bcubed"])
    assert same(said(ours.exact), theirs["cluster_exact"])
    pairs = theirs["pairwise"]
    assert (ours.right, ours.wrong, ours.missed) == (pairs["tp"], pairs["fp"], pairs["fn"])
    assert (ours.records, ours.entities, ours.clusters) == (
        theirs["records"],
        theirs["true_entities"],
        theirs["pred_entities"],
    )
    assert (ours.overmerged, ours.torn) == (theirs["overmerged_clusters"], theirs["split_entities"])
    assert (ours.largest, ours.largest_entity) == (theirs["largest_pred_cluster"], theirs["largest_true_cluster"])


def test_one_record_in_the_wrong_person_shows_in_each_figure() -> None:
    truth = {"a": "ann", "b": "ann", "c": "ann", "d": "bob", "e": "eve"}
    found = {"a": 1, "b": 1, "c": 2, "d": 2, "e": 3}
    judged = evaluate(found, truth)
    assert (judged.right, judged.wrong, judged.missed) == (1, 1, 2)
    assert judged.pairs == Measure(1 / 2, 1 / 3)
    assert judged.bcubed.precision == pytest.approx((1 + 1 + 1 / 2 + 1 / 2 + 1) / 5)
    assert judged.bcubed.recall == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1) / 5)
    assert judged.exact == Measure(1 / 3, 1 / 3)
    assert (judged.overmerged, judged.torn, judged.largest, judged.largest_entity) == (1, 1, 2, 3)


@given(truth=partitions)
def test_the_truth_agrees_with_itself(truth: dict[str, str]) -> None:
    judged = evaluate(truth, truth)
    assert judged.pairs == judged.bcubed == judged.exact == Measure(1, 1)
    assert (judged.wrong, judged.missed, judged.overmerged, judged.torn) == (0, 0, 0, 0)


def test_what_the_truth_does_not_name_is_not_judged() -> None:
    truth = {"a": "ann", "b": "ann"}
    assert evaluate({"a": 1, "b": 1, "x": 1}, truth) == evaluate({"a": 1, "b": 1}, truth)


def test_a_record_that_was_not_found_is_a_person_of_its_own() -> None:
    judged = evaluate({"a": "b"}, {"a": "ann", "b": "ann"})
    assert (judged.clusters, judged.missed, judged.pairs.f1) == (2, 1, 0)
