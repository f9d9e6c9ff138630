"""What pictures say: labels that are short, printable and the same every time."""

import re

from app.domain import because
from app.domain.explain import Link
from app.identity.policy import EDITED_RECORD

# What XML 1.0 does not allow, and what turns the direction of the text around it.
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069\x7f-\x9f]")
_SPACE = re.compile(r"\s+")


def shown(text: str, limit: int) -> str:
    """One printable line of at most `limit` characters."""
    line = _SPACE.sub(" ", _UNFIT.sub("\ufffd", text)).strip() or "\u2423"
    return line if len(line) <= limit else line[: limit - 1] + "\u2026"


def label(link: Link) -> str:
    """What a link is made of: a namespace, a score, or a person's word."""
    if link.kind == "decision":
        return "decided same"
    if link.score is not None:
        return f"alike: {link.score:.1f} bits"
    return "changed by hand" if link.namespace == EDITED_RECORD else str(link.namespace)


def refusal(link: Link) -> str:
    """Why a link was refused."""
    return because.refusal(link.because or "")
