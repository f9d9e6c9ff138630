"""Files with secrets in them: mode 0600, written whole or not at all, refused when others can read them."""

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core.errors import Refused


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Hold off every other process that would change a file of this directory. Makes the directory (0700)."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def read_private(path: Path, max_bytes: int) -> bytes:
    """The content of a file that only its owner can read. Raises FileNotFoundError or Refused."""
    # The mode is asked of the open file, not of the path: nobody can swap it in between.
    # Without O_NONBLOCK a named pipe in its place would wait for a writer for ever.
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(file).st_mode
        if not stat.S_ISREG(mode):
            raise Refused(f"{path} is not a file; put the key file there or name another.")
        if mode & 0o077:
            raise Refused(f"Others can read the secrets in {path}; run: chmod 600 '{path}'")
        raw = os.read(file, max_bytes + 1)
    finally:
        os.close(file)
    if len(raw) > max_bytes:
        raise Refused(f"{path} is larger than {max_bytes} bytes; it is none of ours.")
    return raw


def write_private(path: Path, content: bytes) -> None:
    """Put a file in place, 0600, on the disk before anyone can see it. Call inside `changing`."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
