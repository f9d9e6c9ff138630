"""What docs/accuracy.md says of labelled sets beside the repository is reached by the commands that stand there."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.supervisor import child_environment

ROOT = Path(__file__).parents[2]
SETS = ROOT.parent / "shared" / "data" / "er"
PAGE = (ROOT / "docs" / "accuracy.md").read_text("utf-8")
QUICK = frozenset(("fake_1000", "senzing_truthset", "febrl3"))
"""Sets that take no more than some seconds; the others are slow."""

ROUNDED = 0.00005


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of the table whose first heading cell and second are these."""
    table = PAGE.partition(heading)[2].partition("\n\n")[0]
    for line in table.splitlines()[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


OPTIONS = {
    name: shlex.split(command.strip("`"))
    for names, _, command in rows("| set | what it is | command after")
    for name in names.split(", ")
}
FIGURES = {
    (name, how): [float(each) for each in re.split(r" / ", figures)]
    for name, shipped, fitted, *_ in rows("| set | as shipped")
    for how, figures in (("--no-adapt", shipped), ("--adapt", fitted))
}


def test_every_set_has_a_command_and_figures() -> None:
    assert len(OPTIONS) == 7
    assert {name for name, _ in FIGURES} == OPTIONS.keys()


@pytest.mark.parametrize(
    ("name", "how"),
    [pytest.param(*case, marks=() if case[0] in QUICK else pytest.mark.slow) for case in FIGURES],
)
def test_the_page_promises_no_more_than_is_reached(name: str, how: str) -> None:
    if not SETS.is_dir():
        pytest.skip("The labelled sets are not beside the repository.")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "app.cli.main", "evaluate", f"{name}.csv", f"{name}_truth.csv", "--json", how]
        + OPTIONS[name],
        cwd=SETS,
        env={**os.environ, **child_environment({})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    reached = json.loads(done.stdout)["pairs"]
    promised = dict(zip(("precision", "recall", "f1"), FIGURES[name, how], strict=True))
    assert {each for each, figure in promised.items() if reached[each] < figure - ROUNDED} == set()
