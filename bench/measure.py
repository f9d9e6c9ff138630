"""CPU and memory of process trees, and the interleaving of candidates."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import psutil  # type: ignore[import-untyped]


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds of Python and of PostgreSQL."""

    python: float
    postgres: float

    def __sub__(self, before: "Cpu") -> "Cpu":
        return Cpu(self.python - before.python, self.postgres - before.postgres)


@dataclass(frozen=True, slots=True)
class Round:
    """One candidate's turn: operations done, the seconds they took, and the CPU they cost."""

    operations: int
    seconds: float
    cpu: Cpu


@dataclass(frozen=True, slots=True)
class Figure:
    """A candidate over all its rounds: the median rate, and the CPU of all operations together."""

    name: str
    rate: float
    """Operations per second of wall clock."""
    python_us: float
    postgres_us: float

    @property
    def cpu_us(self) -> float:
        return self.python_us + self.postgres_us

    @property
    def per_core(self) -> float:
        """Operations per second of one core, its CPU spent on Python and PostgreSQL alike."""
        return 1e6 / self.cpu_us


def cpu_of(python: Iterable[int], postgres: Iterable[int]) -> Cpu:
    """CPU used so far by two sets of process trees, ended children included."""
    return Cpu(sum(map(_tree_seconds, python)), sum(map(_tree_seconds, postgres)))


def peak_memory(pid: int) -> int:
    """The most resident bytes that a process had (Linux keeps count; elsewhere what it has now)."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            line = next(line for line in status if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration):
        return int(psutil.Process(pid).memory_info().rss)


async def interleaved(turns: Mapping[str, Callable[[int], Awaitable[Round]]], rounds: int) -> dict[str, Figure]:
    """Let every candidate take its turn, `rounds` times over: A B C A B C ... The argument is the round's number."""
    taken: dict[str, list[Round]] = {name: [] for name in turns}
    for number in range(rounds):
        for name, turn in turns.items():
            taken[name].append(await turn(number))
    return {name: figure(name, found) for name, found in taken.items()}


def figure(name: str, rounds: Sequence[Round]) -> Figure:
    # Ticks of CPU time are 10 ms on most systems: a sum over all rounds is finer than any one of them.
    operations = sum(each.operations for each in rounds)
    return Figure(
        name,
        median(each.operations / each.seconds for each in rounds),
        sum(each.cpu.python for each in rounds) / operations * 1e6,
        sum(each.cpu.postgres for each in rounds) / operations * 1e6,
    )


def _tree_seconds(pid: int) -> float:
    total = 0.0
    try:
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system + times.children_user + times.children_system
    except psutil.NoSuchProcess:
        pass
    return total
