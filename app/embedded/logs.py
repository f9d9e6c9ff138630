"""Logs of a data directory: each file is kept to a size, with one older part beside it."""

import os
import shutil
from pathlib import Path

LOG_LIMIT = 16 * 1024 * 1024


def trim_logs(directory: Path, *, limit: int = LOG_LIMIT) -> None:
    """Set every log above `limit` bytes aside as `.log.1` and begin it anew.

    The file is emptied and not moved: the processes that write hold it open, and they
    append, so they go on at its new end. A line written between the two steps is lost.
    """
    for log in directory.glob("*.log"):
        if log.stat().st_size > limit:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)
