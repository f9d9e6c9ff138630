"""The README's commands, and what it says that they answer.

A fenced block behind `<!-- run -->` is a step, letter by letter; the block behind `<!-- answers -->` is what its
standard output was. `<!-- start -->` marks the two commands that come first.
"""

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"

_BLOCK = re.compile(r"<!-- (start|run|answers) -->\n```\w+\n(.*?)```", re.S)
_BETWEEN = "----- next step -----"

# What differs from one installation to the next, in the order in which it is looked for.
_OTHERS = (
    (re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"), "UUID"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"), "TIME"),
    (re.compile(r"(?<=[\"/])(?=[A-Za-z]*[0-9A-Z])[0-9A-Za-z]{10,13}(?=[\"/])"), "ID"),
    (re.compile(r"in [\d.]+ s \([\d,]+ a second\)"), "in SOME s"),
    (re.compile(r"127\.0\.0\.1:\d+"), "HOST"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One block of commands, and the answer shown for it; None where the README shows none."""

    commands: str
    answer: str | None


def start(text: str) -> str:
    """The commands that install and start."""
    (found,) = (body for kind, body in _BLOCK.findall(text) if kind == "start")
    return str(found)


def steps(text: str) -> list[Step]:
    """Every step in order."""
    found: list[Step] = []
    for kind, body in _BLOCK.findall(text):
        if kind == "run":
            found.append(Step(body, None))
        elif kind == "answers":
            assert found[-1].answer is None, "an answer belongs to the commands right before it"
            found[-1] = Step(found[-1].commands, body)
    return found


def walked(wanted: Sequence[Step], place: Path, env: Mapping[str, str]) -> list[str]:
    """What each step writes to standard output, all of them in one shell, as somebody types them."""
    script = f"\nprintf '%s\\n' '{_BETWEEN}'\n".join(step.commands for step in wanted)
    done = subprocess.run(
        ["bash", "-u"], input=script, cwd=place, env=dict(env), capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split(f"{_BETWEEN}\n")


def the_same(answer: str) -> str:
    """An answer without ids, times, speeds and the port."""
    for pattern, name in _OTHERS:
        answer = pattern.sub(name, answer)
    return answer.strip()
