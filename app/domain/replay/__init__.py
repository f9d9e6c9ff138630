"""Replay: whether an installation holds what its log says, and nothing else.

Every entry of the log has exactly one end. Every record is what its words join to, read anew from the log. Every
profile is what its records make of it: the cluster, the golden values and their provenance, the versions behind it.
Three walks over ordered streams of one snapshot, so memory does not grow with the workspace and traffic goes on.
"""

from app.domain.replay.findings import Difference, Findings
from app.domain.replay.verify import verify

__all__ = ["Difference", "Findings", "verify"]
