"""Canonical forms of what identifies a person: pure, total and idempotent.

A normaliser takes any string and answers either the canonical value or
`Unreadable`. It never raises, never guesses and never holds on to the original:
keeping the raw value is the caller's business.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The value has no canonical form of the kind asked for.

    `code` is a stable machine word, `detail` a sentence for a person that never
    holds the value itself.
    """

    code: str
    detail: str
