"""How a benchmark starts modules of its own as processes, and how it ends; imports nothing that takes long."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

TOLD_TO_END = (signal.SIGTERM, signal.SIGHUP)


def python_module(module: str) -> list[str]:
    return [sys.executable, "-m", module]


def own_environment() -> dict[str, str]:
    """The environment for processes of the benchmark itself, which find `bench` beside `app`."""
    root = str(Path(__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}


@contextmanager
def tidy_end() -> Iterator[None]:
    """Let a signal that ends the process end the block first, as an exception does, so that it is cleared away.

    For the main thread. Once ending, the process hears no second signal: clearing away is a matter of seconds.
    """
    ending = False

    def end(signum: int, _: FrameType | None) -> None:
        nonlocal ending
        ending = True
        for each in TOLD_TO_END:
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + signum)

    before = {each: signal.signal(each, end) for each in TOLD_TO_END}
    try:
        yield
    finally:
        if not ending:
            for each, held in before.items():
                signal.signal(each, held)
