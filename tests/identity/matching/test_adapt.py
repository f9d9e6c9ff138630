"""Fitting a model to the records at hand, without labels."""

from random import Random

from app.identity.matching.adapt import adapt
from app.identity.matching.features import NOTHING, Features, features
from app.identity.matching.model import Comparison, Model
from app.identity.matching.scorer import Scorer
from app.identity.matching.shipped import shipped
from tests.identity.matching.people import crowd

LETTERS = "bcdfglmnprst"


def named(seed: int, many: int, copies: int) -> list[Features]:
    """So many people of rare names, each with so many records."""
    drawn = Random(seed)
    found = []
    for _ in range(many):
        given, family = ("".join(drawn.choice(LETTERS) + drawn.choice("aeio") for _ in range(3)) for _ in range(2))
        day = f"{drawn.randrange(1940, 2005)}-{drawn.randrange(1, 13):02}-{drawn.randrange(1, 28):02}"
        found += [features({"first_name": given, "last_name": family, "birthday": day})] * copies
    return found


def comparison(model: Model, name: str) -> Comparison:
    return next(each for each in model.comparisons if each.name == name)


def test_the_same_records_give_the_same_model() -> None:
    records = crowd(300, seed=1)
    assert adapt(shipped(), records) == adapt(shipped(), records)


def test_nobody_and_one_record_teach_nothing() -> None:
    assert adapt(shipped(), []) == adapt(shipped(), [NOTHING]) == shipped()


def test_few_records_hardly_move_what_was_shipped() -> None:
    few, many = (adapt(shipped(), crowd(size, seed=2)) for size in (12, 400))
    for start, near, far in zip(shipped().comparisons, few.comparisons, many.comparisons, strict=True):
        moved = [sum(abs(a.u - b.u) for a, b in zip(start.levels, to.levels, strict=True)) for to in (near, far)]
        assert moved[0] < 0.1, start.name
        assert moved[0] <= moved[1], start.name


def test_records_that_say_nothing_of_a_trait_leave_it_as_it_was() -> None:
    fitted = adapt(shipped(), named(3, 200, 2))
    for name in ("telephone", "organisation", "gender"):
        for was, now in zip(comparison(shipped(), name).levels, comparison(fitted, name).levels, strict=True):
            assert abs(was.m - now.m) + abs(was.u - now.u) < 1e-9


def test_a_level_that_says_nothing_goes_on_saying_nothing() -> None:
    records = [each._replace(email="info@example.com", phone="+49301234") for each in named(4, 300, 2)]
    fitted = adapt(shipped(), records)
    assert Scorer(fitted).bits(Features(email="info@example.com"), Features(email="info@example.com")) == 0
    assert Scorer(fitted).bits(Features(phone="+49301234"), Features(phone="+49301234")) == 0


def test_a_birthday_that_many_have_weighs_little() -> None:
    records = [
        each._replace(birthday="1970-01-01") if number % 5 == 0 else each
        for number, each in enumerate(named(5, 400, 2))
    ]
    scorer = Scorer(adapt(shipped(), records))
    often, once = Features(birthday="1970-01-01"), Features(birthday=records[1].birthday)
    assert scorer.bits(often, often) < 4 < 9 < scorer.bits(once, once)


def test_many_records_of_one_person_do_not_make_their_name_common() -> None:
    once, often = (adapt(shipped(), named(6, 300, copies)) for copies in (2, 6))
    for fitted in (once, often):
        assert fitted.frequencies["family"].others < 0.001


def test_the_thresholds_rise_with_the_number_of_records() -> None:
    small, large = (adapt(shipped(), named(7, many, 2)) for many in (100, 1600))
    assert 3 < large.automatic - small.automatic < 5
    assert small.review < small.automatic


def test_a_fitted_model_finds_the_copies_and_nobody_else() -> None:
    records = named(8, 300, 2)
    fitted = adapt(shipped(), records)
    scorer = Scorer(fitted)
    for at in range(0, 600, 2):
        assert scorer.bits(records[at], records[at + 1]) > fitted.automatic
        assert scorer.bits(records[at], records[at - 1]) < fitted.review
