"""Deciding who is who by hand: about two records, about two profiles, and taking it back.

Whatever is decided is written down first; then the people whom it concerns are
derived again by the rules that hold for everybody. So a decision can be revoked,
and what it did is undone exactly.
"""

from app.domain.decide.pairs import DecidedOtherwise, decide
from app.domain.decide.people import merge, split
from app.domain.decide.revoking import revoke
from app.domain.decide.ruling import Ruling

__all__ = ["DecidedOtherwise", "Ruling", "decide", "merge", "revoke", "split"]
