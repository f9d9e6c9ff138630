"""Bulk: every stage of resolving 1,000,000 records at once, and the same pairs scored by Splink.

The records are written as the pipeline would have left them, each alone in its profile. Each candidate runs in a
process of its own, which ends before the next begins; its memory is the most that it ever had. Splink scores the
candidates of the same blocking keys with its own settings of the shipped model. `--quick` takes 50,000 records.
"""

import json
import subprocess
import sys
from typing import Any

from app.cli.variables import variables
from bench.bulk_population import written
from bench.house import House, house
from bench.processes import own_environment, python_module
from bench.report import Verdict, arguments, progress, show

GIGABYTE = 1e9
TARGET_SECONDS = 300.0
TARGET_MEMORY = 8.0


def main() -> None:
    asked = arguments(__doc__ or "")
    many = 50_000 if asked.quick else 1_000_000
    with house() as here:
        progress(f"Writing {many:,} records")
        workspace = written(here, many)
        progress("Resolving")
        ours = ran(here, "bench.bulk_ours", workspace)
        progress("Splink")
        theirs = ran(here, "bench.bulk_splink", workspace)
    progress(json.dumps({"ours": ours, "splink": theirs}))
    whole = sum(ours["seconds"].values())
    found = [
        Verdict(f"{many:,} records at once, all stages", whole, TARGET_SECONDS, at_least=False, unit="s"),
        Verdict("memory at its peak", ours["peak"] / GIGABYTE, TARGET_MEMORY, at_least=False, unit="GB"),
        *[Verdict(f"of it: {stage}", seconds, None, unit="s") for stage, seconds in ours["seconds"].items()],
        Verdict("pairs scored a second", ours["compared"] / ours["seconds"]["Scoring"], None, unit="pairs/s"),
        Verdict("Splink's prediction / our scoring, seconds", theirs["seconds"] / ours["seconds"]["Scoring"], None),
        Verdict("pairs scored", ours["compared"], None, unit="pairs"),
        Verdict("pairs kept", ours["kept"], None, unit="pairs"),
        Verdict("pairs kept by Splink", theirs["pairs"], None, unit="pairs"),
    ]
    show("bulk", [], found, as_json=asked.json, quick=asked.quick)


def ran(here: House, module: str, workspace: int) -> dict[str, Any]:
    """What a process says on its last line."""
    done = subprocess.run(
        [*python_module(module), str(workspace)],
        env={**own_environment(), **variables(here.settings)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


if __name__ == "__main__":
    sys.exit(main())
