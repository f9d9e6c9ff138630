"""E-mail addresses: one spelling per mailbox, and nothing that is no address."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from email_validator import validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from app.identity.normalize import Unreadable
from app.identity.normalize.email import _PLAIN, EXACT, PROVIDERS, _plain, email

CORPUS = Path(__file__).parents[3] / "shared" / "data" / "corpora" / "isemail" / "test"

PICTURES = {0x2400 + code: code for code in range(32)} | {0x2421: 127}

ADDRESS_LIKE = st.one_of(
    st.emails(),
    st.from_regex(_PLAIN, fullmatch=True),
    st.text(
        st.sampled_from("aZ9.-_+@\"' \\xn[]:()<>\u00e9\u0130\u1e9e\u212a\u0430\uff20\u3002\u05d0\r\n\0"), max_size=40
    ),
    st.text(max_size=40).map(lambda local: f"{local}@example.com"),
    st.text(max_size=20).map(lambda domain: f"ada@{domain}.com"),
)


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  Ada@Example.COM\t", "ada@example.com"),
        ("\ufeffada@example.com\u00a0", "ada@example.com"),
        ("ada@sub.test", "ada@sub.test"),
        ("ada@b\u00fccher.example", "ada@xn--bcher-kva.example"),
        ("ada@BU\u0308CHER.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("Jos\u00c9@example.com", "jos\u00e9@example.com"),
        ("jose\u0301@example.com", "jos\u00e9@example.com"),
        ('"ada"@example.com', "ada@example.com"),
        ('"Ada Lovelace"@example.com', '"ada lovelace"@example.com'),
        ("o'hara+news@example.co.uk", "o'hara+news@example.co.uk"),
    ],
)
def test_spellings_of_one_mailbox_become_one_address(raw: str, canonical: str) -> None:
    assert email(raw) == canonical


@pytest.mark.parametrize(
    "raw",
    [
        "", "ada", "ada@", "@example.com", "ada@example", "ada@example..com", "a b@example.com", "ada@exa_mple.com",
        "ada@localhost", "ada@shop.local", "ada@example.com\n", "ada@[127.0.0.1]", "Ada <ada@example.com>", "ada@a.1",
        "ada@-x.com", "ada@ab--cd.com", "ada@" + "x" * 64 + ".com", "a@b.com,c@d.com", "ada\uff20example.com",
        "ada@\0.com",
    ],
)  # fmt: skip
def test_what_is_no_address_is_unreadable(raw: str) -> None:
    read = email(raw)
    assert isinstance(read, Unreadable)
    assert read.code == "email_syntax"


def test_an_address_longer_than_the_standard_allows_is_unreadable() -> None:
    assert email("a" * 64 + "@" + "b" * 60 + "." + "c" * 60 + "." + "d" * 60 + ".com") == "a" * 64 + "@" + "b" * 60 + (
        "." + "c" * 60 + "." + "d" * 60 + ".com"
    )
    assert isinstance(email("a" * 250 + "@example.com"), Unreadable)


def test_letters_that_look_alike_stay_different_people() -> None:
    assert email("\u0430da@example.com") != email("ada@example.com")
    assert email("ada@ex\u0430mple.com") != email("ada@example.com")


def test_dots_and_tags_are_told_apart_unless_the_policy_says_otherwise() -> None:
    assert email("a.da+kids@gmail.com", EXACT) == "a.da+kids@gmail.com"
    assert email("a.da+kids@gmail.com", PROVIDERS) == "ada@gmail.com"


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("A.d.a+news@googlemail.com", "ada@gmail.com"),
        ("ada.l+news@outlook.com", "ada.l@outlook.com"),
        ("ada+news@hotmail.com", "ada@hotmail.com"),
        ("ada-shop@yahoo.com", "ada@yahoo.com"),
        ("ada+shop@yahoo.com", "ada+shop@yahoo.com"),
        ("a-d_a+x@protonmail.com", "ada@proton.me"),
        ("ada+x@icloud.com", "ada@icloud.com"),
        ("a.da+x@example.com", "a.da+x@example.com"),
        ("+x@gmail.com", "+x@gmail.com"),
    ],
)
def test_a_policy_follows_each_provider(raw: str, canonical: str) -> None:
    assert email(raw, PROVIDERS) == canonical


@given(ADDRESS_LIKE, st.sampled_from([EXACT, PROVIDERS]))
@example("\u0130@example.com", EXACT)
@example('"\u037e"@example.com', EXACT)
def test_a_canonical_address_is_its_own_canonical_form(raw: str, rules: object) -> None:
    assert rules in (EXACT, PROVIDERS)
    once = email(raw, PROVIDERS if rules == PROVIDERS else EXACT)
    if isinstance(once, str):
        assert email(once, PROVIDERS if rules == PROVIDERS else EXACT) == once


@given(st.one_of(st.from_regex(_PLAIN, fullmatch=True), st.emails().map(str.lower)))
@example("a@b.co")
@example("a@ab--c.com")
@example("a@xn--a.com")
@example("a@local.local")
@example("a@" + "b" * 64 + ".com")
@example("a" * 249 + "@b.co")
@example("a" * 250 + "@b.co")
def test_the_short_way_gives_what_the_library_gives(address: str) -> None:
    if _plain(address):
        read = validate_email(address, check_deliverability=False, test_environment=True, allow_quoted_local=True)
        assert f"{read.local_part.lower()}@{read.ascii_domain}" == address


def corpus() -> list[tuple[str, str]]:
    """(address, category) of both test sets; control characters are written as their pictures."""
    found: list[tuple[str, str]] = []
    for name in ("tests.xml", "tests-original.xml"):
        for test in ET.parse(CORPUS / name).getroot().iter("test"):  # noqa: S314 - a file of ours
            address = test.findtext("address") or ""
            plain = address.translate(PICTURES)
            found.append((plain, test.findtext("category") or ""))
    return found


def test_of_the_isemail_corpus_no_address_of_the_error_class_is_accepted() -> None:
    if not CORPUS.is_dir():
        pytest.skip("the isemail corpus is not beside this repository")
    tests = corpus()
    assert len(tests) == 164 + 279
    assert [raw for raw, category in tests if category == "ISEMAIL_ERR" and isinstance(email(raw), str)] == []
    valid = [raw for raw, category in tests if category == "ISEMAIL_VALID_CATEGORY"]
    # A mailbox at a top-level domain is valid on paper and nowhere else.
    assert [raw for raw in valid if not isinstance(email(raw), str)] == ["test@io"]
