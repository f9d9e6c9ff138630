"""Placeholders identify nobody; people who merely look like one are not lost."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.identity.blocked import blocked, folded, matches
from app.identity.identifier import Identifier


@pytest.mark.parametrize(
    ("namespace", "value"),
    [
        ("user_id", "null"), ("user_id", "NULL"), ("user_id", "undefined"), ("user_id", "None"), ("user_id", "NaN"),
        ("user_id", "anonymous"), ("user_id", "Guest"), ("user_id", "unknown"), ("user_id", "N/A"), ("user_id", "0"),
        ("user_id", "-1"), ("user_id", ""), ("user_id", "   "), ("user_id", "0000"), ("user_id", "0-0"),
        ("user_id", "-"), ("user_id", "???"), ("user_id", "xxxx"), ("user_id", "[object Object]"), ("user_id", "#N/A"),
        ("user_id", "{{ user.id }}"), ("user_id", "${userId}"), ("user_id", "*|UNIQID|*"), ("user_id", "%%id%%"),
        ("anonymous_id", "00000000-0000-0000-0000-000000000000"),
        ("anonymous_id", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
        ("device_id", "00000000000000000000000000000000"), ("device_id", "9774d56d682e549c"),
        ("device_id", "02:00:00:00:00:00"), ("device_id", "00:00:00:00:00:00"),
        ("email", "test@example.com"), ("email", "test@test.com"), ("email", "noreply@shop.example"),
        ("email", "no-reply@bigbank.com"), ("email", "no@email.com"), ("email", "none@none.com"),
        ("email", "user@example.org"), ("email", "a@a.com"), ("email", "asdf@asdf.de"),
        ("email", "anything@noemail.com"),
        ("phone", "+10000000000"), ("phone", "+11111111111"), ("phone", "+11234567890"), ("phone", "+15555555555"),
        ("phone", "+15555550100"), ("phone", "+49123456789"), ("phone", "+19999999999"),
    ],
)  # fmt: skip
def test_a_placeholder_identifies_nobody(namespace: str, value: str) -> None:
    assert blocked(Identifier(namespace, value))


@pytest.mark.parametrize(
    ("namespace", "value"),
    [
        ("email", "ada@example.com"), ("email", "grace.hopper@example.org"), ("email", "test@shop.de"),
        ("email", "info@bakery.de"), ("email", "jane.doe@example.com"), ("email", "noreen@shop.com"),
        ("email", "xavier@xavier.fr"), ("email", "lovelace@mail.com"),
        ("phone", "+12025550123"), ("phone", "+442079460958"), ("phone", "+4930901820"), ("phone", "+18008888888"),
        ("user_id", "1"), ("user_id", "10"), ("user_id", "11"), ("user_id", "nullable"), ("user_id", "xx"),
        ("user_id", "Guestrow"), ("user_id", "007"), ("user_id", "1111111"), ("device_id", "0000000000000001"),
        ("anonymous_id", "a0000000-0000-0000-0000-000000000000"), ("user_id", "ü"),
    ],
)  # fmt: skip
def test_a_person_who_looks_like_a_placeholder_stays_a_person(namespace: str, value: str) -> None:
    assert blocked(Identifier(namespace, value)) is None


def test_a_policy_adds_values_and_patterns() -> None:
    till = Identifier("device_id", "Till-07")
    assert blocked(till) is None
    assert blocked(till, extra_values=folded([" TILL-07 "])) == "blocked by policy"
    assert blocked(till, extra_patterns=["till-*"]) == "blocked by a pattern of the policy"
    assert blocked(till, extra_values=folded(["till-08"]), extra_patterns=["till", "*-8", "till-?"]) is None


@pytest.mark.parametrize(
    ("pattern", "value", "covers"),
    [
        ("*", "", True), ("", "", True), ("", "a", False), ("a*", "a", True), ("*@spam.com", "x@spam.com", True),
        ("*@spam.com", "x@spam.company", False), ("a?c", "abc", True), ("a?c", "ac", False), ("a*b*c", "aXbYc", True),
        ("a*bc*c", "abc", False), ("*ab*ab*", "abab", True), ("*ab*ab*", "aba", False), ("[a]", "a", False),
        ("**", "anything", True),
        ("ab*b*c", "abc", False), ("?*?", "a", False), ("?*?", "ab", True), ("TEST*", "tester", True),
        ("a.c", "abc", False),
    ],
)  # fmt: skip
def test_a_glob_covers_the_whole_value(pattern: str, value: str, covers: bool) -> None:
    assert matches(pattern, value) is covers


def reference(pattern: str, value: str) -> bool:
    """Globs by their definition: a star is nothing, or one character and a star."""
    if not pattern:
        return not value
    if pattern[0] == "*":
        return reference(pattern[1:], value) or (bool(value) and reference(pattern, value[1:]))
    return bool(value) and pattern[0] in ("?", value[0]) and reference(pattern[1:], value[1:])


@given(st.text(st.sampled_from("ab*?"), max_size=8), st.text(st.sampled_from("ab"), max_size=8))
def test_globs_mean_what_their_definition_says(pattern: str, value: str) -> None:
    assert matches(pattern, value) is reference(pattern, value)


def test_no_pattern_can_hang_the_pipeline() -> None:
    started = time.perf_counter()
    assert not matches("*a" * 64 + "*b", "a" * 512)
    assert time.perf_counter() - started < 0.1
