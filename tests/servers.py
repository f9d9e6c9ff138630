"""One private PostgreSQL and Valkey for a whole test session."""

import hashlib
import shutil
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


def forget_sockets(data_dir: Path) -> None:
    """Take away the sockets' directory of servers whose parent was killed and is not started again."""
    name = f"samewise-{hashlib.sha256(bytes(data_dir.resolve())).hexdigest()[:12]}"
    shutil.rmtree(Path(tempfile.gettempdir()) / name, ignore_errors=True)
