"""One private PostgreSQL and Valkey for a whole test session."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.embedded import Embedded, Servers


@contextmanager
def private_servers() -> Iterator[Servers]:
    """Servers in a temporary directory, gone with the block: real ones, set as a user's are."""
    with tempfile.TemporaryDirectory(prefix="samewise-tests-") as home, Embedded(Path(home) / "data") as servers:
        yield servers
