"""Training: a model that fits the records that are here, with thresholds that the workspace's own evidence sets."""

import asyncio
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import NotFound, Refused
from app.core.runtime import Runtime
from app.domain import models, policies
from app.domain.deliveries import Kind
from app.domain.train import switching
from app.domain.train.evidence import Draw, met
from app.domain.train.sample import Sample, draw
from app.domain.train.thresholds import LEAST, calibrated
from app.domain.train.training import Trained, train
from app.identity.cluster import on_grid
from app.identity.matching.shipped import shipped
from app.identity.policy import Policy
from tests.domain.office import Office
from tests.domain.town import town
from tests.make import Tenant, record, tenant

PEOPLE = 450


@pytest.fixture(scope="module")
async def place(rt: Runtime) -> Tenant:
    made = await tenant(rt)
    await made.take(town(PEOPLE))
    return made


async def drawn(place: Tenant, many: int = 10_000) -> Sample:
    async with place.rt.begin(place.id) as tx:
        return await draw(tx, place.keyring, many)


async def fitted(place: Tenant, precision: float = 0.99) -> Trained:
    sample = await drawn(place)
    return await asyncio.to_thread(train, sample, shipped(), None, precision=precision)


@pytest.fixture(scope="module")
async def careful(place: Tenant) -> Trained:
    return await fitted(place)


async def test_the_sample_is_a_function_of_the_records(place: Tenant) -> None:
    whole, some = await drawn(place), await drawn(place, 200)
    assert (len(some.records), some.live) == (200, len(whole.records))
    assert list(whole.records[:200]) == list(some.records)
    assert [each.id for each in whole.records] != sorted(each.id for each in whole.records)


async def test_the_same_records_give_the_same_model_and_it_is_not_the_shipped_one(
    place: Tenant, careful: Trained
) -> None:
    one = await fitted(place)
    assert one == careful
    assert one.model.comparisons != shipped().comparisons
    assert one.model.frequencies["given"].of("ada") > shipped().frequencies["given"].others
    assert {each.comparison for each in one.telling} <= {
        "given name",
        "family name",
        "birthday",
        "place",
        "identifiers",
    }
    assert all(each.before != each.after for each in one.telling), "nothing was learned of what nobody has"


async def test_accounts_set_the_threshold_and_few_of_the_known_pairs_above_are_wrong(
    place: Tenant, careful: Trained
) -> None:
    bold = await fitted(place, 0.6)
    assert min(careful.evidence.same, careful.evidence.different) >= LEAST
    assert careful.evidence.right is not None
    assert careful.evidence.right >= 0.99
    assert careful.model.automatic >= bold.model.automatic
    assert careful.after.linked > PEOPLE / 4, "those who show no account are found"
    assert bold.after.linked >= careful.after.linked


async def test_what_somebody_decided_outweighs_accounts(place: Tenant) -> None:
    sample = await drawn(place)
    labels = dict(met(sample).labelled)
    pair = next(pair for pair, same in labels.items() if same)
    decided = replace(sample, decided={pair: False})
    assert dict(met(decided).labelled) == {**labels, pair: False}


async def test_decisions_are_read_by_the_places_of_their_records(office: Office) -> None:
    people = [{"key": f"{number}", "traits": {"first_name": "Ada"}} for number in range(120)]
    await office.tell("crm", Kind.RECORD, *people)
    await office.decide("different", "crm/3", "crm/77")
    async with office.rt.begin(office.workspace.id) as tx:
        sample = await draw(tx, office.keyring, 1000)
    ((a, b), same) = next(iter(sample.decided.items()))
    ids = {(await office.of("crm/3")).id, (await office.of("crm/77")).id}
    assert ({sample.records[a].id, sample.records[b].id}, same, len(sample.decided)) == (ids, False, 1)


async def test_of_few_records_nothing_is_learned(rt: Runtime) -> None:
    few = await tenant(rt)
    await few.take([record(str(number), {"first_name": "Ada"}) for number in range(3)])
    with pytest.raises(Refused, match="There are 3 records; a model is trained on 100"):
        await drawn(few)


async def test_a_switch_names_the_model_and_one_step_leads_back(rt: Runtime) -> None:
    one = await tenant(rt)
    own = replace(shipped(), automatic=20.0, review=10.0, origin="adapted")

    async def put(version: int | None) -> Policy:
        async with rt.begin(one.id) as tx:
            if version is None:
                return await switching.back(tx, one.keyring, now=rt.now())
            return await switching.use(tx, one.keyring, version, now=rt.now())

    with pytest.raises(NotFound, match="no way back"):
        await put(None)
    async with rt.begin(one.id) as tx:
        assert await models.add(tx, one.keyring, own, now=rt.now()) == 1
        held = await policies.in_force(tx, one.keyring)
        by_hand = replace(held, matching=replace(held.matching, automatic=30.0))
        await policies.put(tx, one.keyring, held.version, by_hand, now=rt.now())
    switched = (await put(1)).matching
    assert (switched.model, switched.automatic) == (1, None), "a model comes with its own thresholds"
    with pytest.raises(Refused, match="in force already"):
        await put(1)
    async with rt.begin(one.id) as tx:
        held = await policies.in_force(tx, one.keyring)
        await policies.put(tx, one.keyring, held.version, replace(held, max_cluster=77), now=rt.now())
    back = await put(None)
    assert (back.matching.model, back.matching.automatic) == (0, 30.0)
    assert back.max_cluster == 77, "what else was changed meanwhile stays"
    with pytest.raises(Refused, match="There is no matching model 9"):
        await put(9)


def known(same: list[float], different: list[float]) -> list[tuple[float, bool]]:
    return [(score, True) for score in same] + [(score, False) for score in different]


def test_few_known_pairs_leave_the_estimate() -> None:
    some = known([30.0] * LEAST, [1.0] * (LEAST - 1))
    model, by = calibrated(shipped(), some, 0.9)
    assert (model, by.right, by.same, by.different) == (shipped(), None, LEAST, LEAST - 1)


def test_where_strangers_score_high_the_threshold_is_above_them() -> None:
    model, by = calibrated(shipped(), known([15.0] * LEAST, [40.0] * LEAST), 0.9)
    assert 40.0 < model.automatic < 40.01
    assert by.right == 1.0


def test_it_is_never_below_the_models_own_review_threshold() -> None:
    model, _ = calibrated(shipped(), known([1.0] * 5000, [0.0] * LEAST), 0.5)
    assert (model.automatic, model.review) == (shipped().review, shipped().review)


@settings(max_examples=25)
@given(st.integers(0, 10**9), st.floats(0.5, 0.999))
def test_the_promise_holds_for_the_known_pairs(seed: int, precision: float) -> None:
    drawn = random.Random(seed)
    same = [drawn.gauss(25, 8) for _ in range(LEAST * 3)]
    different = [drawn.gauss(5, 8) for _ in range(LEAST * 3)]
    model, by = calibrated(shipped(), known(same, different), precision)
    right = sum(on_grid(score) >= on_grid(model.automatic) for score in same)
    wrong = sum(on_grid(score) >= on_grid(model.automatic) for score in different)
    assert by.right == right / (right + wrong)
    assert by.right >= precision
    below = max((score for score in same if score < model.automatic - 0.01), default=0.0)
    good, bad = sum(score >= below for score in same), sum(score >= below for score in different)
    assert below < shipped().review or good < precision * (good + bad + 1), "no lower threshold would do"


def test_a_draw_takes_each_as_often_as_any_other_and_the_same_again() -> None:
    def some() -> list[int]:
        taken: Draw[int] = Draw(100)
        for number in range(10_000):
            taken.offer(number)
        return taken.kept

    assert some() == some()
    assert len(set(some())) == 100
    assert 4_000 < sum(some()) / 100 < 6_000
