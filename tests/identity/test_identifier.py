"""Identifiers: equal exactly when they mean the same mailbox, line or account."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.identity.blocked import blocked
from app.identity.identifier import NAMESPACE, Blocked, Identifier, identifier, namespace
from app.identity.normalize import Unreadable
from app.identity.normalize.email import PROVIDERS

BLNS = Path(__file__).parents[3] / "shared" / "data" / "corpora" / "blns" / "blns.json"
NAMESPACES = st.sampled_from(["email", "phone", "user_id", "device_id", "loyaltyCard", "Email Address"])


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("user_id", "user_id"), ("userId", "user_id"), ("UserID", "user_id"), ("User ID", "user_id"),
        ("user-id", "user_id"), ("anonymousId", "anonymous_id"), ("GAClientID", "ga_client_id"), ("eMail", "email"),
        ("e-mail", "email"), ("Email Address", "email"), ("phoneNumber", "phone"),
        ("shopify.customer.id", "shopify_customer_id"),
        ("Kundennummer (Größe)", "kundennummer_groe"), ("loyalty__card", "loyalty__card"), ("crm2Id", "crm2_id"),
    ],
)  # fmt: skip
def test_a_namespace_has_one_name_however_it_is_written(raw: str, name: str) -> None:
    assert namespace(raw) == name


@pytest.mark.parametrize("raw", ["", "_", "123", "9lives", "客户", "x" * 64, "x" * 10_000, "\n"])
def test_a_name_of_which_nothing_can_be_made_is_no_namespace(raw: str) -> None:
    assert namespace(raw) is None


def test_a_line_break_does_not_slip_into_a_namespace() -> None:
    assert namespace("user_id\n") == "user_id"


@given(st.text(max_size=80))
def test_a_canonical_namespace_is_its_own_canonical_form(raw: str) -> None:
    name = namespace(raw)
    if name is not None:
        assert re.fullmatch(NAMESPACE, name)
        assert namespace(name) == name


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("email", " Ada@Example.com ", "ada@example.com"),
        ("phone", "030 901820", "+4930901820"),
        ("phone", 4930901820, "+4930901820"),
        ("user_id", " Ab-42 ", "Ab-42"),
        ("user_id", 42, "42"),
        ("user_id", "Zoe\u0308", "Zo\u00eb"),
        ("anonymous_id", "507F191E-810C-4191-9DE8-60EA00000001", "507f191e-810c-4191-9de8-60ea00000001"),
    ],
)
def test_a_value_has_one_canonical_form(name: str, raw: str | int, value: str) -> None:
    assert identifier(name, raw, "DE") == Identifier(name, value)


def test_a_key_of_another_system_keeps_its_case() -> None:
    assert identifier("salesforce_id", "0015g00000abcDE") != identifier("salesforce_id", "0015G00000ABCDE")


def test_an_identifier_can_be_blocked_before_and_after_it_is_read() -> None:
    assert identifier("email", "null") == Blocked("email", "placeholder word")
    assert identifier("email", "") == Blocked("email", "placeholder word")
    assert identifier("email", " TEST@example.com") == Blocked("email", "placeholder address")
    assert identifier("phone", "(000) 000-0000", "US") == Blocked("phone", "no letter and no digit but zero")
    assert identifier("phone", "+1 (555) 555-5555") == Blocked("phone", "placeholder number")


@pytest.mark.parametrize(
    ("name", "raw", "code"),
    [
        ("email", "ada", "email_syntax"),
        ("phone", "call me", "phone_syntax"),
        ("user_id", "a\0b", "unprintable"),
        ("user_id", "a\ud800b", "unprintable"),
        ("user_id", "y" * 513, "too_long"),
        pytest.param("user_id", 10**5000, "too_long", id="more digits than Python prints"),
        ("user_id", True, "not_text"),
        ("user_id", 4.2, "not_text"),
        ("user_id", None, "not_text"),
        ("???", "42", "namespace"),
    ],
)
def test_what_cannot_be_read_says_why(name: str, raw: str | int, code: str) -> None:
    outcome = identifier(name, raw, "DE")
    assert isinstance(outcome, Unreadable)
    assert outcome.code == code


@given(NAMESPACES, st.one_of(st.text(max_size=60), st.emails(), st.integers()), st.sampled_from([None, "DE", "US"]))
def test_a_canonical_identifier_is_its_own_canonical_form(name: str, raw: str | int, region: str | None) -> None:
    outcome = identifier(name, raw, region, PROVIDERS)
    if isinstance(outcome, Identifier):
        assert identifier(outcome.namespace, outcome.value, region, PROVIDERS) == outcome
        assert identifier(outcome.namespace, outcome.value, None, PROVIDERS) == outcome
        assert blocked(outcome) is None


def test_no_naughty_string_raises_or_shows_itself_in_the_reason() -> None:
    if not BLNS.is_file():
        pytest.skip("the list of naughty strings is not beside this repository")
    naughty: list[str] = json.loads(BLNS.read_text(encoding="utf-8"))
    assert len(naughty) > 480
    for raw in naughty:
        for name in ("email", "phone", "user_id", raw):
            outcome = identifier(name, raw, "US")
            assert isinstance(outcome, Identifier | Blocked | Unreadable)
            if isinstance(outcome, Unreadable) and len(raw) > 12:
                assert raw not in outcome.detail
