"""The division into people is what its definition says, for any crowd, and for any order in which it is given."""

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.identity.matching.first_names import may_be_one
from app.identity.vetoes import may_be_one_birthday
from tests.properties.cast import BIRTHDAYS, FIRST_NAMES, LAST_NAMES, one_day, one_first_name, written
from tests.properties.crowds import Crowd, crowds, people
from tests.properties.division import connected, divided
from tests.properties.pace import tries
from tests.properties.reading import Name

many = tries(500)
NOISE = [-1e-9, 0.0, 1e-9]
ALL = sorted({written(name) for name in (*FIRST_NAMES, *LAST_NAMES)})


def are_what_the_definition_says(crowd: Crowd, ids: dict[Name, int]) -> None:
    found = people(crowd, ids)
    links, clusters = divided(crowd.live, crowd.carried - crowd.generic, crowd.policy, crowd.beside)
    assert {cluster for part in found for cluster in part.clusters} == {
        tuple(ids[record.name] for record in cluster) for cluster in clusters
    }
    told = [
        (tie.a, tie.b, tie.kind, tie.identifier and (tie.identifier.namespace, tie.identifier.value), tie.refused)
        for part in found
        for tie in part.ties
    ]
    meant = [(ids[link.a], ids[link.b], link.kind, link.identifier, link.refused) for link in links]
    assert sorted(told, key=str) == sorted(meant, key=str)
    assert {frozenset(id for cluster in part.clusters for id in cluster) for part in found} == {
        frozenset(ids[name] for name in group)
        for group in connected(crowd.live, frozenset(crowd.generic), crowd.beside)
    }


@many
@given(crowds(), st.data())
def test_a_crowd_is_divided_as_the_definition_says(crowd: Crowd, data: st.DataObject) -> None:
    numbers = data.draw(st.permutations(range(1, len(crowd.live) + 1)))
    are_what_the_definition_says(crowd, {r.name: id for r, id in zip(crowd.live, numbers, strict=True)})


@pytest.mark.slow
@pytest.mark.timeout(1200)
@tries(20_000)
@given(crowds(most=14), st.data())
def test_larger_crowds_are_divided_as_the_definition_says(crowd: Crowd, data: st.DataObject) -> None:
    numbers = data.draw(st.permutations(range(1, len(crowd.live) + 1)))
    are_what_the_definition_says(crowd, {r.name: id for r, id in zip(crowd.live, numbers, strict=True)})


@tries(200)
@given(crowds(), st.data())
def test_neither_the_order_nor_the_numbers_of_the_records_matter(crowd: Crowd, data: st.DataObject) -> None:
    ids = {record.name: number for number, record in enumerate(crowd.live)}
    other = dict(zip(ids, data.draw(st.permutations(range(len(ids)))), strict=True))
    names = {number: name for name, number in ids.items()}
    mixed = people(crowd, other, data.draw(st.permutations(crowd.live)))
    assert {tuple(other[names[id]] for id in cluster) for part in people(crowd, ids) for cluster in part.clusters} == {
        cluster for part in mixed for cluster in part.clusters
    }


@tries(200)
@given(crowds(), st.data())
def test_scores_that_differ_in_their_last_digits_only_decide_nothing(crowd: Crowd, data: st.DataObject) -> None:
    ids = {record.name: number for number, record in enumerate(crowd.live)}
    scores = {pair: score + data.draw(st.sampled_from(NOISE)) for pair, score in crowd.beside.scores.items()}
    noisy = replace(crowd, beside=replace(crowd.beside, scores=scores))
    assert [part.clusters for part in people(noisy, ids)] == [part.clusters for part in people(crowd, ids)]


def test_the_cast_is_read_by_the_product_as_it_is_meant() -> None:
    for one, other in combinations(ALL, 2):
        assert may_be_one(one, other) is one_first_name(one, other), (one, other)
    for one, other in combinations(BIRTHDAYS, 2):
        assert may_be_one_birthday(one, other) is one_day(one, other), (one, other)
