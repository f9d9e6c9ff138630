"""Values that identify nobody: what forms, SDKs and exports send when they know no one.

Each would weld strangers together. The list is shipped and grows by policy. A value
goes on it only if it is a placeholder *by construction*; a value that is merely shared
by many (a shop's own number, `info@…`) is found by counting, not by listing.

Patterns in a policy are globs (`*` any run, `?` any one character), not regular
expressions: they are matched in at most len(pattern) x len(value) steps, so that no
policy can hang the pipeline, and a person can read them.
"""

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Final, Protocol


class Named(Protocol):
    """A namespaced value, such as `Identifier`."""

    @property
    def namespace(self) -> str: ...
    @property
    def value(self) -> str: ...


def _words(block: str) -> frozenset[str]:
    return frozenset(block.split())


# Compared case-folded and without surrounding blanks, in every namespace.
WORDS: Final = _words(
    """
    null nil none nan undefined unknown unspecified unassigned undisclosed missing empty blank void
    anonymous anonym anon guest visitor nobody noname noone n/a na n.a. n.a not-available notavailable
    not-applicable not-provided notprovided not-set notset (not_set) (none) (null) (unknown) (blank) (empty)
    <null> <none> <undefined> <nil> [null] [none] [undefined] [] {} () "" '' `` \\n \\0
    true false yes no -1 -1.0 0.0 0 00 -0 infinity -infinity inf -inf
    #n/a #ref! #value! #name? #null! #num! #div/0! #error! error
    test tests testing tester dummy sample placeholder example foo bar foobar asdf qwerty tbd tba todo
    default user username userid user_id user-id customer customerid customer_id id email phone
    [object] [object_object] object unbekannt anonyme inconnu anonimo desconocido sconosciuto gast
    """
) | {"", "not set", "(not set)", "not available", "not applicable", "not provided", "[object object]", "no email"}

# No letter and no digit but 0: "", "-", "0000-0000", "00:00:00:00:00:00", "...", all-zero UUIDs, IDFA, IMEI.
_NOTHING: Final = re.compile(r"[\W_0]*")
# Templates that nobody filled in: {{ user.id }}, ${id}, %%id%%, *|EMAIL|*, <%= id %>, [[id]], #{id}, %s
_TEMPLATE: Final = re.compile(
    r"\{\{.*\}\}|\$\{.*\}|%%.*%%|\*\|.*\|\*|<%.*%>|\[\[.*\]\]|#\{.*\}|%[sd]|\{[0-9a-z_]*\}", re.DOTALL
)
_RUN_OF_X: Final = re.compile(r"x{3,}")
_MAX_UUID: Final = re.compile(r"f{8}-?(?:f{4}-?){3}f{12}")

# Hardware and advertising ids that factories, emulators and privacy settings hand to millions.
DEVICES: Final = frozenset(
    {
        "9774d56d682e549c",  # Android 2.2 emulators and a well-known batch of phones
        "02:00:00:00:00:00",  # what iOS 7 and Android 6 answer instead of the MAC address
        "ff:ff:ff:ff:ff:ff",
        "004999010640000",
        "012345678912345",
        "123456789012345",
        "352751019523267",
        "358673013795895",
        "unknown_device",
        "emulator",
        "simulator",
        "default_device_id",
        "browser",
        "web",
    }
)

# Local parts that no person has, whatever the domain.
_NO_READER: Final = _words(
    """
    noreply no-reply no_reply no.reply donotreply do-not-reply do_not_reply do.not.reply dontreply
    noemail no-email no_email no.email nomail no-mail notprovided notavailable nobody noone
    none null nil undefined unknown anonymous anonym na n.a mailer-daemon bounce bounces devnull dev-null null+null
    """
)
# Local parts that are a placeholder where the domain is one too.
_STAND_IN: Final = _NO_READER | _words(
    """
    test tests testing tester test1 test2 test123 email e-mail mail mymail user username user1 name
    yourname your.name your_name your-name you your youremail your.email your-email me myemail someone somebody
    anybody person customer guest sample example placeholder dummy fake foo bar foobar baz asdf asd qwerty qwe
    abc abcd xyz xxx xx x a aa aaa b c no first.last firstname.lastname first_last 123 1234 12345
    """
)
# RFC 2606 and 6761, and domains that people type when they mean none. Not example.com as a
# whole: documentation and demos have named people there (ada@example.com).
_STAND_IN_DOMAINS: Final = _words(
    """
    example.com example.org example.net test.com test.de test.org test.net email.com mail.com domain.com
    yourdomain.com mydomain.com company.com yourcompany.com website.com site.com sample.com placeholder.com
    fake.com fakemail.com none.com null.com noemail.com nomail.com asdf.com qwerty.com foo.com bar.com abc.com
    aaa.com aa.com xxx.com xyz.com nowhere.com
    """
)
_NOWHERE: Final = frozenset({"noemail.com", "nomail.com", "noemail.invalid", "yourdomain.com", "mydomain.com"})
_STAND_IN_ENDINGS: Final = (".example", ".test", "@test")

# After the calling code: one digit throughout, or the digits in order.
_PHONE: Final = re.compile(
    r"\+?[0-9]{0,3}?(?:([0-9])\1{6,}|0?1234567(?:8(?:9(?:0(?:12345?)?)?)?)?|0?9876543(?:2(?:10?)?)?|5555550100)"
)


def blocked(
    identifier: Named, extra_values: Collection[str] = frozenset(), extra_patterns: Iterable[str] = ()
) -> str | None:
    """Why this identifier identifies nobody, or None if it may.

    The extras come from the policy of the identifier's namespace; values and globs are
    compared case-folded (`folded` prepares a set of values, once per policy).
    """
    value = identifier.value.casefold()
    if reason := shipped(identifier.namespace, value):
        return reason
    if value in extra_values or identifier.value in extra_values:
        return "blocked by policy"
    if any(matches(pattern, value) for pattern in extra_patterns):
        return "blocked by a pattern of the policy"
    return None


def folded(values: Iterable[str]) -> frozenset[str]:
    """Policy values as `blocked` compares them."""
    return frozenset(value.strip().casefold() for value in values)


def shipped(namespace: str, value: str) -> str | None:
    """The shipped list's word on a value, canonical or raw; compares case-folded."""
    plain = value.strip().casefold()
    if plain in WORDS:
        return "placeholder word"
    if _NOTHING.fullmatch(plain):
        return "no letter and no digit but zero"
    if namespace == "email":
        return "placeholder address" if _nobodys_address(plain) else None
    if _TEMPLATE.fullmatch(plain):
        return "template that was not filled in"
    if namespace == "phone":
        return "placeholder number" if _PHONE.fullmatch(plain) else None
    if plain in DEVICES or _MAX_UUID.fullmatch(plain):
        return "device id handed to many"
    return "placeholder word" if _RUN_OF_X.fullmatch(plain) else None


def _nobodys_address(address: str) -> bool:
    local, at, domain = address.rpartition("@")
    if not at:
        return _TEMPLATE.fullmatch(address) is not None
    if local in _NO_READER or domain in _NOWHERE:
        return True
    if local not in _STAND_IN:
        return False
    return domain in _STAND_IN_DOMAINS or address.endswith(_STAND_IN_ENDINGS) or local == domain.partition(".")[0]


def matches(pattern: str, value: str) -> bool:
    """Whether a glob covers the whole value, case-folded, without ever backtracking further than one `*`."""
    return _covers(pattern.casefold(), value.casefold())


@lru_cache(1_024)
def _runs(pattern: str) -> tuple[str, ...]:
    return tuple(pattern.split("*"))


def _covers(pattern: str, value: str) -> bool:
    first, *rest = _runs(pattern)
    if not rest:
        return len(first) == len(value) and _agrees(first, value, 0)
    *between, last = rest
    if len(first) + len(last) > len(value) or not _agrees(first, value, 0):
        return False
    end = len(value) - len(last)
    if not _agrees(last, value, end):
        return False
    at = len(first)
    for run in between:
        # The leftmost place is always good enough: whatever follows only needs room to the right.
        at = next((i for i in range(at, end - len(run) + 1) if _agrees(run, value, i)), -1)
        if at < 0:
            return False
        at += len(run)
    return True


def _agrees(run: str, value: str, at: int) -> bool:
    return all(want in ("?", value[at + i]) for i, want in enumerate(run))
