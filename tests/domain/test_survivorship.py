"""Which claim survives: total orders, so that whoever asks gets the same answer."""

import sys
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.claims import is_empty
from app.domain.survivorship import RULES, Claim, survivor
from tests.properties import oracle

numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.sampled_from([0, 1, 1.0, 0.1, 0.2, 0.3, True, "a", "b", "1", 1e300, 2**53]) | numbers
money = st.builds(
    lambda amount, currency: {"amount": amount, "currency": currency},
    st.one_of(st.integers(-5, 5), st.sampled_from(["5", None, 1.5, 2**60, [1]])),
    st.sampled_from(["EUR", "USD", None]),
)
values: st.SearchStrategy[Any] = st.one_of(
    scalars, money, st.lists(scalars, min_size=1, max_size=3), st.sampled_from([{"x": 1}, [[1], {"a": 2}]])
)


@st.composite
def claims(draw: st.DrawFn, said: st.SearchStrategy[Any] = values) -> list[Claim]:
    """Claims of different records; sources of equal priority, times and values that tie."""
    records = draw(st.lists(st.sampled_from([(s, k) for s in ("crm", "shop") for k in "123"]), unique=True, min_size=1))
    priority = {"crm": draw(st.integers(0, 1)), "shop": draw(st.integers(0, 1))}
    return [Claim(draw(said), draw(st.integers(0, 2)), priority[s], s, k, len(s)) for s, k in records]


def exact(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


@pytest.mark.parametrize("rule", sorted(RULES))
@given(data=st.data())
def test_the_order_of_the_claims_does_not_matter(rule: str, data: st.DataObject) -> None:
    said = data.draw(claims())
    shuffled = data.draw(st.permutations(said))
    one, other = survivor(said, rule), survivor(shuffled, rule)
    assert exact(one.value) == exact(other.value)
    assert one.claim == other.claim
    assert one.rule == rule


@pytest.mark.parametrize("rule", sorted(RULES - {"union", "sum"}))
@given(said=claims())
def test_a_golden_value_is_a_claim_that_somebody_made(rule: str, said: list[Claim]) -> None:
    found = survivor(said, rule)
    assert found.claim in said
    assert exact(found.value) == exact(found.claim.value)


@pytest.mark.parametrize("rule", sorted(RULES))
@given(said=claims(st.sampled_from([1, 2, 3])))
def test_numbers_survive_as_the_oracle_says(rule: str, said: list[Claim]) -> None:
    _as_the_oracle_says(rule, said)


@pytest.mark.parametrize("rule", ["latest", "earliest", "source_priority", "most_frequent", "union"])
@given(said=claims(st.sampled_from(["a", "b", "1", 1])))
def test_texts_survive_as_the_oracle_says(rule: str, said: list[Claim]) -> None:
    _as_the_oracle_says(rule, said)


def _as_the_oracle_says(rule: str, said: list[Claim]) -> None:
    told = [oracle.Claim(datetime.fromtimestamp(c.at, UTC), c.priority, c.value, (c.source, c.key)) for c in said]
    value, best = oracle.survivor(told, rule)
    found = survivor(said, rule)
    assert exact(found.value) == exact(value)
    assert (found.claim.source, found.claim.key) == best.name


def _claims(*said: Any) -> list[Claim]:
    return [Claim(value, at, 0, "crm", str(at), 1) for at, value in enumerate(said)]


def test_a_sum_is_exact_whatever_the_sizes() -> None:
    assert survivor(_claims(0.1, 0.2, 0.3), "sum").value == 0.6
    assert survivor(_claims(1e15, 0.5, -1e15), "sum").value == 0.5
    assert survivor(_claims(1e300, 1, -1e300), "sum").value == 1


def test_a_sum_past_what_json_can_hold_stays_a_number() -> None:
    assert survivor(_claims(2**63, 2**63), "sum").value == float(2**64)
    assert survivor(_claims(sys.float_info.max, sys.float_info.max), "sum").value == sys.float_info.max


def test_money_is_summed_within_the_newest_currency() -> None:
    said = _claims(
        {"amount": 500, "currency": "USD"}, {"amount": 7, "currency": "EUR"}, {"amount": 5, "currency": "EUR"}
    )
    assert survivor(said, "sum").value == {"amount": 12, "currency": "EUR"}


@given(claims())
def test_a_sum_can_be_kept_whatever_was_claimed(said: list[Claim]) -> None:
    assert not is_empty(survivor(said, "sum").value) or any(is_empty(c.value) for c in said)
    orjson.dumps(survivor(said, "sum").value)


def test_an_older_claim_of_a_trusted_source_survives_where_trust_decides() -> None:
    trusted, newer = Claim("a", 1, 9, "crm", "1", 1), Claim("b", 2, 0, "shop", "1", 2)
    assert survivor([trusted, newer], "source_priority").claim is trusted
    assert survivor([trusted, newer], "latest").claim is newer
    assert survivor([trusted, newer], "earliest").claim is trusted
