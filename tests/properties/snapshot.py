"""One moment of a workspace: what it holds, what must be true of it, and whether it is what the oracle says."""

from tests.properties.held import HeldRecord, Snapshot, read_back, snapshot, versions
from tests.properties.means import assert_means
from tests.properties.sound import assert_sound

__all__ = ["HeldRecord", "Snapshot", "assert_means", "assert_sound", "read_back", "snapshot", "versions"]
