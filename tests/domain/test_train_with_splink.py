"""Splink as the trainer: what it learns is read back into a model that scores as any other."""

import sys

import pytest

from app.cli.train import NO_SPLINK, trainer_of
from app.core.errors import Refused
from app.identity.matching.adapt import adapt
from app.identity.matching.features import Features, features
from app.identity.matching.model import dump, load
from app.identity.matching.scorer import Scorer
from app.identity.matching.shipped import shipped
from tests.domain.town import town


def people() -> list[Features]:
    return [features(message.said["traits"]) for message in town(300)]


def test_splink_learns_m_and_u_of_the_same_levels(capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("splink", reason="Splink is not installed.")
    records = people()
    model, own = trainer_of("splink")(shipped(), records), adapt(shipped(), records)
    out = capfd.readouterr()
    assert (out.out, out.err) == ("", ""), "an answer in JSON stands alone"
    assert load(dump(model)) == model
    assert (model.origin, model.automatic, model.frequencies) == ("splink", own.automatic, own.frequencies)
    learned = {each.name: each.levels for each in model.comparisons}
    shown = {each.name: each.levels for each in own.comparisons}
    assert learned["birthday"] != shown["birthday"]
    assert learned["occupation"] == shown["occupation"], "nobody has one, so nothing was learned"
    for before, after in zip(shown["telephone"], learned["telephone"], strict=True):
        assert (before.m == before.u) == (after.m == after.u), "what says nothing goes on so"
    strangers, twice = Scorer(model).bits(records[0], records[-1]), Scorer(model).bits(records[0], records[0])
    assert strangers < model.review < model.automatic < twice


def test_without_splink_a_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "splink", None)  # what an import finds where it is not installed
    monkeypatch.delitem(sys.modules, "app.domain.train.with_splink", raising=False)
    with pytest.raises(Refused, match="Splink is not installed here") as sentence:
        trainer_of("splink")
    assert str(sentence.value) == NO_SPLINK
