"""A record's state is the join of what was said of it: order, batches and repetition leave no trace."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from app.domain.claims import RecordState, Said, is_empty, weight
from app.identity.identifier import Identifier

UNBORN = 10**6

identifiers = st.builds(Identifier, st.sampled_from(["email", "user_id"]), st.sampled_from("abc"))
values: st.SearchStrategy[Any] = st.sampled_from(
    [None, 0, 1, 1.0, True, False, "", " ", "1", "a", [], ["a"], {}, {"a": 1}]
)
words = st.builds(
    Said,
    at=st.integers(0, 4),
    traits=st.dictionaries(st.sampled_from(["email", "phone", "plan"]), values, max_size=2),
    unread=st.dictionaries(st.sampled_from(["email", "age"]), st.tuples(values, st.sampled_from("xy")), max_size=1),
    listed=st.none() | st.lists(identifiers, max_size=2),
    seen=st.lists(identifiers, max_size=2),
    deleted=st.sampled_from([False, False, True]),
)


def joined(*said: Said) -> RecordState:
    state = RecordState("k", UNBORN)
    for each in said:
        state.join(each)
    return state


def content(state: RecordState) -> bytes:
    """A dump without the order in which names came to stand in it."""
    held = orjson.loads(state.dump())
    held["s"].sort()
    return orjson.dumps(held, option=orjson.OPT_SORT_KEYS)


@given(st.lists(words, max_size=6).flatmap(lambda said: st.tuples(st.just(said), st.permutations(said))))
def test_any_order_leaves_the_same_state(orders: tuple[list[Said], list[Said]]) -> None:
    one, other = orders
    assert content(joined(*one)) == content(joined(*other))


@given(st.lists(words, max_size=6), st.integers(0, 6))
def test_what_is_said_again_changes_nothing(said: list[Said], which: int) -> None:
    again = said[which : which + 2]
    assert content(joined(*said, *again)) == content(joined(*said))


@given(st.lists(words, max_size=6), st.integers(0, 6))
def test_a_state_that_lay_in_its_row_between_two_batches_goes_on_as_it_was(said: list[Said], cut: int) -> None:
    state = RecordState.load(joined(*said[:cut]).dump())
    for each in said[cut:]:
        state.join(each)
    assert content(state) == content(joined(*said))
    assert state.identifiers() == joined(*said).identifiers()


@given(st.lists(words, max_size=6))
def test_nothing_said_up_to_a_removal_holds_after_it(said: list[Said]) -> None:
    state = joined(*said)
    last = max((each.at for each in said if each.deleted), default=-1)
    later = [each for each in said if each.at > last and not each.deleted]
    assert state.is_removed is not bool(later)
    assert state.claims() == joined(*later).claims()
    assert state.identifiers() == joined(*later).identifiers()


@given(st.lists(words, max_size=6))
def test_an_empty_value_never_beats_a_real_one(said: list[Said]) -> None:
    assert not any(is_empty(value) for _, value in joined(*said).claims().values())
    told = {n for each in said if not each.deleted for n, v in each.traits.items() if v is not None}
    assert joined(*said).claims().keys() <= told


def test_a_field_that_its_source_clears_is_gone() -> None:
    said = Said(1, {"plan": "pro"}), Said(2, {"plan": None})
    assert joined(*said).claims() == {}
    assert joined(*said, Said(3, {"plan": "free"})).claims() == {"plan": (3, "free")}


def test_a_blank_value_says_nothing() -> None:
    assert joined(Said(1, {"plan": "pro"}), Said(2, {"plan": " "})).claims() == {"plan": (1, "pro")}


def test_the_newest_list_of_identifiers_stands_and_those_seen_add_to_it() -> None:
    a, b, c = (Identifier("user_id", value) for value in "abc")
    state = joined(Said(1, listed=[a]), Said(2, listed=[b]), Said(0, seen=[c]))
    assert state.identifiers() == {b, c}
    assert joined(Said(1, listed=[a]), Said(2, listed=[])).identifiers() == set()
    assert joined(Said(1, listed=[a]), Said(2, listed=None)).identifiers() == {a}


def test_an_address_among_the_traits_is_an_identifier_as_long_as_it_holds() -> None:
    address = Identifier("email", "ann@mail.example")
    assert joined(Said(1, {"email": address.value})).identifiers() == {address}
    assert joined(Said(1, {"email": address.value}), Said(2, {"email": None})).identifiers() == set()


def test_at_one_instant_a_removal_wins() -> None:
    assert joined(Said(1, {"plan": "pro"}), Said(1, deleted=True)).is_removed


@given(values, values)
def test_two_values_weigh_the_same_only_when_json_writes_them_the_same(one: Any, other: Any) -> None:
    assert (weight(one) == weight(other)) is (orjson.dumps(one) == orjson.dumps(other))


def test_the_order_of_the_fields_in_an_object_is_no_difference() -> None:
    assert weight({"a": 1, "b": 2}) == weight({"b": 2, "a": 1})
