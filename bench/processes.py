"""How a benchmark starts modules of its own as processes; imports nothing that takes long."""

import os
import sys
from pathlib import Path


def python_module(module: str) -> list[str]:
    return [sys.executable, "-m", module]


def own_environment() -> dict[str, str]:
    """The environment for processes of the benchmark itself, which find `bench` beside `app`."""
    root = str(Path(__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
