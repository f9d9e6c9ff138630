"""E-mail addresses: one spelling per mailbox, as far as that can be proven.

The canonical form is the address in lower case, in Unicode normal form C, with
the domain as the A-label that goes over the wire (RFC 5890), unnecessary quotes
removed (RFC 5321 section 4.1.2). RFC 5321 lets a host tell `Ada@` from `ada@`;
no provider of note does, so folding case is the one liberty taken by default.

What a provider does with dots and tags is a *policy* (`EmailRules`) and off by
default: `ada+kids@gmail.com` reaches Ada's mailbox, but whether it is the same
customer is the shop's decision, and a wrong merge costs more than a missed one.
Letters that merely look alike (Cyrillic `а`) stay different addresses.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from email_validator import EmailNotValidError, validate_email

from app.identity.normalize import Unreadable

MAX_LENGTH: Final = 254  # octets, RFC 5321 section 4.5.3.1.3
CACHED: Final = 4_096

# The shape of nearly every address, for which the library provably changes nothing:
# a dot-atom in ASCII, host labels without "--" (no punycode), a last label of letters.
_PLAIN: Final = re.compile(
    r"[a-z0-9_!#$%&'*+\-/=?^`{|}~]+(?:\.[a-z0-9_!#$%&'*+\-/=?^`{|}~]+)*"
    r"@(?:(?!..--)[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
)
# RFC 6531 widens quoted text to UTF-8 but not quoted pairs; the library takes both.
_ESCAPED_BEYOND_ASCII: Final = re.compile(r"\\[^ -~]")
_RESERVED: Final = (".arpa", ".invalid", ".local", ".localhost", ".onion")

# Blanks that spreadsheets and forms leave around a value. Line breaks are not among
# them: an address that carries one is header injection or two fields run together.
_BLANKS: Final = " \t\u00a0\u200b\ufeff"
_NO_ADDRESS: Final = Unreadable("email_syntax", "This is not an e-mail address as RFC 5321 and RFC 6531 define it.")


@dataclass(frozen=True, slots=True)
class Provider:
    """How one provider's mailboxes are addressed.

    `domains` belong to one mailbox space: the first is canonical when `one_domain`
    is set. `tag` is the sign after which the rest of the local part is a label;
    every character of `ignored` in the local part is ignored by the provider.
    """

    domains: tuple[str, ...]
    tag: str = "+"
    ignored: str = ""
    one_domain: bool = False


GMAIL: Final = Provider(("gmail.com", "googlemail.com"), ignored=".", one_domain=True)
OUTLOOK: Final = Provider(("outlook.com", "hotmail.com", "live.com", "msn.com"))
YAHOO: Final = Provider(("yahoo.com", "ymail.com", "rocketmail.com"), tag="-")
ICLOUD: Final = Provider(("icloud.com", "me.com", "mac.com"))
FASTMAIL: Final = Provider(("fastmail.com", "fastmail.fm"))
PROTON: Final = Provider(("proton.me", "protonmail.com", "pm.me"), ignored=".-_", one_domain=True)


@dataclass(frozen=True, slots=True)
class EmailRules:
    """The providers whose own addressing rules the workspace wants applied; none by default."""

    providers: tuple[Provider, ...] = ()


EXACT: Final = EmailRules()
PROVIDERS: Final = EmailRules((GMAIL, OUTLOOK, YAHOO, ICLOUD, FASTMAIL, PROTON))


def email(raw: str, rules: EmailRules = EXACT) -> str | Unreadable:
    """The canonical address, or why there is none (`email_syntax`, `email_too_long`)."""
    address = raw.strip(_BLANKS).lower() if raw.isascii() else raw.strip(_BLANKS)
    if not _plain(address):
        read = _thorough(address)
        if isinstance(read, Unreadable):
            return read
        address = read
    return _by_provider(address, rules) if rules.providers else address


def _plain(address: str) -> bool:
    return (
        len(address) <= MAX_LENGTH
        and _PLAIN.fullmatch(address) is not None
        and not address.endswith(_RESERVED)
        and not address.endswith(("@arpa", "@invalid", "@local", "@localhost", "@onion"))
    )


@lru_cache(CACHED)
def _thorough(address: str) -> str | Unreadable:
    """By email-validator, repeated until folding case changes nothing (two rounds at most seen)."""
    if len(address) > MAX_LENGTH:
        return Unreadable("email_too_long", f"An e-mail address has at most {MAX_LENGTH} octets.")
    if _ESCAPED_BEYOND_ASCII.search(address):
        return _NO_ADDRESS
    for _ in range(4):
        try:
            read = validate_email(address, check_deliverability=False, test_environment=True, allow_quoted_local=True)
        except EmailNotValidError:
            return _NO_ADDRESS
        folded = unicodedata.normalize("NFC", read.local_part.lower()) + "@" + read.ascii_domain
        if folded == address:
            return folded
        address = folded
    return Unreadable("email_syntax", "Folding the case of this e-mail address does not come to rest.")


def _by_provider(address: str, rules: EmailRules) -> str:
    local, _, domain = address.rpartition("@")
    for provider in rules.providers:
        if domain in provider.domains and not local.startswith('"'):
            mailbox = local.split(provider.tag, 1)[0].translate({ord(c): None for c in provider.ignored})
            # An address that is all tag names no mailbox: leave it as it was sent.
            return f"{mailbox or local}@{provider.domains[0] if provider.one_domain else domain}"
    return address
