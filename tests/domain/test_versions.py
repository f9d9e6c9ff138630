"""The body of a version: what leads from one content to the next, byte for byte."""

from dataclasses import replace
from typing import Any

import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.golden import EMPTY, Content, Proof, dump
from app.domain.versions import applied, body, changed_traits, difference, replay
from app.identity.identifier import Identifier

values: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([0, 1, 1.0, True, False, "", "1", None, [], {}, [1], [True], {"a": 1}, {"a": 1.0}]),
    st.recursive(st.integers(-9, 9) | st.text(max_size=3), lambda inner: st.lists(inner, max_size=2), max_leaves=4),
)
names = st.sampled_from(["city", "email", "plan", "tags"])
proofs = st.builds(Proof, st.integers(1, 2), st.sampled_from("ab"), st.integers(0, 3), st.just("latest"))


@st.composite
def contents(draw: st.DrawFn) -> Content:
    traits = dict(sorted(draw(st.dictionaries(names, values)).items()))
    return Content(
        traits,
        {name: draw(proofs) for name in traits},
        draw(st.lists(st.builds(Identifier, st.just("email"), st.sampled_from("xyz")), max_size=2)),
        draw(st.lists(st.tuples(st.integers(1, 2), st.sampled_from("ab")), max_size=2)),
    )


def exact(content: Content) -> bytes:
    """`1`, `1.0` and `true` are three values here, as they are in JSON."""
    return orjson.dumps(dump(content), option=orjson.OPT_SORT_KEYS)


@example(Content({"n": 1}, {}, [], []), Content({"n": True}, {}, [], []))
@example(Content({"n": 1}, {}, [], []), Content({"n": 1.0}, {}, [], []))
@given(contents(), contents())
def test_a_difference_leads_from_one_content_to_the_other(one: Content, other: Content) -> None:
    change = orjson.loads(orjson.dumps(difference(one, other)))
    assert exact(applied(one, change)) == exact(other)


@given(contents())
def test_from_a_content_to_itself_nothing_changes(one: Content) -> None:
    assert difference(one, one) == {}


@given(st.lists(contents(), min_size=1, max_size=6), st.integers(2, 4))
def test_bodies_replay_to_the_last_content_wherever_whole_ones_stand(told: list[Content], every: int) -> None:
    before = [EMPTY, *told]
    bodies = [body(None if n % every == 0 else before[n], content) for n, content in enumerate(told)]
    assert exact(replay(bodies)) == exact(told[-1])


@given(contents(), contents(), st.sets(names))
def test_what_was_renewed_without_a_version_is_said_by_the_next(
    one: Content, after: Content, renewed: set[str]
) -> None:
    newer = dict.fromkeys(renewed, Proof(7, "c", 9, "latest"))
    before = replace(one, proofs={**one.proofs, **newer}, renewed=frozenset(renewed))
    after = replace(after, proofs={**after.proofs, **newer})
    assert exact(applied(one, difference(before, after))) == exact(after)


@given(contents(), contents())
def test_a_person_is_shown_every_trait_that_differs_and_no_other(one: Content, other: Content) -> None:
    shown = changed_traits(one, other)
    for name in one.traits.keys() | other.traits.keys():
        same = orjson.dumps(one.traits.get(name)) == orjson.dumps(other.traits.get(name))
        assert (name in shown) is not same
