"""Scores and the model that they come of: the same both ways, the same every time, and as sums that can be told."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from app.identity.matching.conditions import Equal
from app.identity.matching.features import NOTHING, Features, features
from app.identity.matching.model import Comparison, Frequencies, Level, Model, dump, load
from app.identity.matching.scorer import Scorer
from app.identity.matching.shipped import shipped
from tests.identity.matching.people import raw_records, records

SCORER = Scorer(shipped())


@given(one=raw_records, other=raw_records)
def test_either_order_gives_the_very_same_score(one: Features, other: Features) -> None:
    assert SCORER.bits(one, other) == SCORER.bits(other, one)
    assert SCORER.score(one, other) == SCORER.score(other, one)


@given(one=records)
def test_nothing_says_nothing_of_anybody(one: Features) -> None:
    assert SCORER.bits(one, NOTHING) == SCORER.bits(NOTHING, NOTHING) == 0
    assert SCORER.score(one, NOTHING).contributions == ()


@given(one=records, other=records)
def test_a_score_is_the_sum_of_what_it_is_made_of(one: Features, other: Features) -> None:
    told = SCORER.score(one, other)
    assert told.bits == SCORER.bits(one, other) == Scorer(shipped()).bits(one, other)
    assert math.isclose(sum(each.bits for each in told.contributions), told.bits, abs_tol=1e-9)
    assert math.isfinite(told.bits)


def test_agreeing_on_a_rare_name_weighs_more() -> None:
    smith, rare = features({"last_name": "Smith"}), features({"last_name": "Quackenbush"})
    assert SCORER.bits(rare, rare) > SCORER.bits(smith, smith) + 3


def test_a_shared_mailbox_and_telephone_weigh_nothing_here() -> None:
    shared = {"email": "info@shop.example", "phone": "+4930123456"}
    one, other = features({"first_name": "Ada", **shared}), features({"last_name": "Hill", **shared})
    assert SCORER.bits(one, other) == 0


def test_an_address_with_both_their_names_in_it_weighs() -> None:
    ada = features({"first_name": "Ada", "email": "ada.king@example.com"})
    king = features({"last_name": "King", "email": "ada.king@example.com"})
    assert SCORER.bits(ada, king) > 8


def test_relatives_in_one_house_stay_below_the_threshold() -> None:
    home = {"last_name": "Olofson", "street": "519 Spencer Street", "city": "Anytown"}
    model = shipped()
    camille, mason = features({"first_name": "Camille", **home}), features({"first_name": "Mason", **home})
    assert SCORER.bits(camille, mason) < model.review
    again = features({"first_name": "Camille", "birthday": "1971-05-24", **home})
    assert SCORER.bits(again, again._replace(street="519spencerst")) > model.automatic


def test_another_year_in_an_address_is_another_person() -> None:
    def claire(year: int) -> Features:
        return features({"first_name": "Claire", "email": f"claire{year}@example.com"})

    slip = features({"first_name": "Claire", "email": "clarie1953@example.com"})
    assert SCORER.bits(claire(1953), slip) > SCORER.bits(claire(1953), claire(1959)) + 5


def test_father_and_son_are_told_apart_by_what_follows_their_name() -> None:
    father, son = (features({"first_name": "David", "last_name": f"Dobbins {said}"}) for said in ("Sr", "Jr."))
    assert SCORER.bits(father, son) < SCORER.bits(father, father) - 3


def test_a_model_is_read_as_it_was_written() -> None:
    model = replace(shipped(), origin="adapted", automatic=17.5, review=3.25)
    assert load(dump(model)) == model
    assert dump(load(dump(model))) == dump(model)


def _without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda held: held.__delitem__(name)


@pytest.mark.parametrize(
    "spoil",
    [
        _without("format"),
        _without("comparisons"),
        lambda held: held.update(format=99),
        lambda held: held.update(review=held["automatic"] + 1),
        lambda held: held.update(comparisons=7),
        lambda held: held["comparisons"][0].update(present=["wealth"]),
        lambda held: held["comparisons"][0].update(present=[]),
        lambda held: held["comparisons"][0].update(frequency="wealth"),
        lambda held: held["comparisons"][0]["levels"].pop(),
        lambda held: held["comparisons"][0]["levels"][0].update(m=0),
        lambda held: held["comparisons"][0]["levels"][0].update(u="often"),
        lambda held: held["comparisons"][0]["levels"][0].update(when={"equal": ["wealth"]}),
        lambda held: held["frequencies"]["given"].update(others=0),
        lambda held: held["frequencies"]["given"]["values"].update(ada=-1),
    ],
)
def test_a_spoilt_model_is_refused(spoil: Callable[[dict[str, Any]], None]) -> None:
    held = json.loads(dump(shipped()))
    spoil(held)
    with pytest.raises(ValueError, match=r"\w"):
        load(json.dumps(held).encode())


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b"null", b"3", b'"model"', b"\xff\xfe"])
def test_what_is_no_json_document_of_a_model_is_refused(junk: bytes) -> None:
    with pytest.raises(ValueError, match="no matching model"):
        load(junk)


def test_frequencies_weigh_the_level_at_which_the_value_is_the_same() -> None:
    same = Level("same", Equal("city"), 0.5, 0.1)
    other = Level("other", None, 0.5, 0.9)
    comparison = Comparison("town", ("city",), (Level("first", Equal("postcode"), 0.5, 0.25), same, other), "city")
    scorer = Scorer(Model((comparison,), {"city": Frequencies(0.001, {"wien": 0.25})}, 1.0, 0.0))
    wien, graz = Features(city="wien"), Features(city="graz")
    assert scorer.bits(wien, wien) == 1.0
    assert math.isclose(scorer.bits(graz, graz), math.log2(500))
    assert scorer.bits(wien._replace(postcode="1"), wien._replace(postcode="1")) == 1.0
    assert scorer.bits(wien, graz) == math.log2(5 / 9)
