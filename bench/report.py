"""What a benchmark prints: figures, and ratios against the targets, as a table or as JSON."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from bench.measure import Figure


@dataclass(frozen=True, slots=True)
class Verdict:
    """One ratio against its target, if it has one. `at_least`: the target is a lower bound, else an upper one."""

    what: str
    value: float
    target: float | None
    at_least: bool = True
    unit: str = "x"
    by_cpu: float | None = None
    """The same ratio by CPU time instead of wall clock: it holds on a machine with neighbours, too."""

    @property
    def holds(self) -> bool | None:
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target


def arguments(description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="small amounts: to see that it runs, not to quote")
    parser.add_argument("--json", action="store_true", help="figures as JSON, for programs")
    return parser.parse_args()


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def show(title: str, figures: Sequence[Figure], verdicts: Sequence[Verdict], *, as_json: bool, quick: bool) -> None:
    if as_json:
        said = {
            "benchmark": title,
            "quick": quick,
            "figures": [{**asdict(f), "cpu_us": f.cpu_us, "per_core": f.per_core} for f in figures],
            "verdicts": [{**asdict(v), "holds": v.holds} for v in verdicts],
        }
        print(json.dumps(said, indent=2))
        return
    console = Console(width=120)
    if figures:
        console.print(_figures(title, figures))
    console.print(_verdicts(verdicts))
    if quick:
        console.print("A quick run shows that it works; its figures are not to be quoted.")


def _figures(title: str, figures: Sequence[Figure]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("candidate")
    for name in ("a second", "CPU µs Python", "CPU µs PostgreSQL", "a second and core"):
        table.add_column(name, justify="right")
    for f in figures:
        table.add_row(f.name, f"{f.rate:,.0f}", f"{f.python_us:,.1f}", f"{f.postgres_us:,.1f}", f"{f.per_core:,.0f}")
    return table


def _verdicts(verdicts: Sequence[Verdict]) -> Table:
    table = Table()
    table.add_column("ratio")
    for name in ("measured", "by CPU", "target", ""):
        table.add_column(name, justify="right")
    for v in verdicts:
        by_cpu = "" if v.by_cpu is None else f"{v.by_cpu:,.3g} {v.unit}"
        bound = "" if v.target is None else f"{'at least' if v.at_least else 'at most'} {v.target:,.3g} {v.unit}"
        held = {None: "", True: "[green]holds[/]", False: "[red]missed[/]"}[v.holds]
        table.add_row(v.what, f"{v.value:,.3g} {v.unit}", by_cpu, bound, held)
    return table
