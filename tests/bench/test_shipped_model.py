"""The model that is shipped is the one that its recipe makes."""

from app.identity.matching.shipped import shipped
from bench.shipped_model import AUTOMATIC, COMPARISONS, REVIEW


def test_the_shipped_file_holds_the_comparisons_and_thresholds_of_its_recipe() -> None:
    model = shipped()
    assert model.comparisons == COMPARISONS
    assert (model.automatic, model.review, model.origin) == (AUTOMATIC, REVIEW, "shipped")


def test_every_frequency_that_a_comparison_asks_for_is_there() -> None:
    model = shipped()
    assert {each.frequency for each in model.comparisons if each.frequency} == model.frequencies.keys()
    assert len(model.frequencies["family"].values) >= 1000
