"""Entity tags and preconditions (RFC 9110, sections 8.8.3 and 13.1)."""

import re

from app.core.errors import Fault, Refused

_TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\U0010ffff]*)"\s*(?:,|$)')
MAX_TAGS = 50
PATTERN = r'^(\*|(W/)?"[!#-~]*"(, *(W/)?"[!#-~]*")*)$'
"""A list of entity tags as OpenAPI shows it."""


def tags(header: str, value: str) -> list[tuple[bool, str]] | None:
    """(weak, opaque tag) of each in a list; None for `*`, which stands for any. Raises Refused."""
    if value.strip() == "*":
        return None
    found: list[tuple[bool, str]] = []
    place = 0
    while place < len(value) and len(found) < MAX_TAGS:
        match = _TAG.match(value, place)
        if match is None:
            fault = Fault(f"/{header}", "bad_entity_tag", 'An entity tag is a version in quotes, such as "7".')
            raise Refused(f'Send {header}: "<version>", as the ETag of the profile has it.', faults=[fault])
        found.append((match.group(1) is not None, match.group(2)))
        place = match.end()
    return found


def allowed_versions(if_match: str | None) -> frozenset[int] | None:
    """The versions that may be changed; None is any. Weak tags never match here (strong comparison)."""
    if if_match is None:
        return None
    listed = tags("If-Match", if_match)
    if listed is None:
        return None
    return frozenset(int(tag) for weak, tag in listed if not weak and re.fullmatch(r"[1-9][0-9]{0,9}", tag))


def is_known(if_none_match: str | None, tag: str) -> bool:
    """Whether the caller holds this representation already (weak comparison)."""
    if if_none_match is None:
        return False
    listed = tags("If-None-Match", if_none_match)
    return listed is None or any(held == tag for _, held in listed)
