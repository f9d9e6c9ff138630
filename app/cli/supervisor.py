"""Keeps the processes of `cdp up` alive: the API, the workers, and the private servers under them."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen, TimeoutExpired

import app
from app.core.errors import CdpError
from app.embedded import Embedded, Launch, Starter, trim_logs

LOOK_EVERY = 0.1
"""Seconds between two looks at the children."""

TRIM_EVERY = 60.0
FIRST_WAIT = 0.1
LONGEST_WAIT = 5.0
"""Seconds; with the start itself it stays below the ten after which everything serves again once it can."""

STEADY = 10.0
"""Seconds after which a child counts as healthy, and its next end is a first one again."""

DRAIN = 30.0
"""Seconds that a child has after SIGTERM to finish what it answers or works on."""


@dataclass
class Child:
    """A process that is started again when it ends, after a wait that doubles while it keeps ending."""

    name: str
    argv: Sequence[str]
    process: "Popen[bytes] | None" = None
    started: float = 0.0
    due: float = 0.0
    ends: int = 0
    """How often in a row it ended before it was steady."""


@dataclass
class Supervisor:
    """Children with one environment, one log file a kind, and perhaps private servers below."""

    commands: Mapping[str, Sequence[str]]
    env: Mapping[str, str]
    logs: Path
    embedded: Embedded | None
    say: Callable[[str], None]
    children: list[Child] = field(init=False)

    def __post_init__(self) -> None:
        self.children = [Child(name, argv) for name, argv in self.commands.items()]
        self._stopping = threading.Event()
        self._starter = Starter(None)
        self._thread = threading.Thread(target=self._keep, name="supervisor", daemon=True)
        self._servers_due = 0.0
        self._servers_wait = FIRST_WAIT

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask all children to end at once, wait until they have, and force those that do not."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        alive = [child.process for child in self.children if child.process is not None]
        for process in alive:
            process.terminate()
        deadline = time.monotonic() + DRAIN
        for process in alive:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except TimeoutExpired:
                process.kill()
                process.wait()
        self._starter.close()

    def ends_of(self, name: str) -> int:
        """How often in a row the child ended without having been steady."""
        return next(child.ends for child in self.children if child.name == name)

    def _keep(self) -> None:
        trim_at = time.monotonic() + TRIM_EVERY
        while not self._stopping.is_set():
            self._keep_servers()
            for child in self.children:
                self._tend(child)
            if time.monotonic() > trim_at:
                trim_logs(self.logs)
                trim_at = time.monotonic() + TRIM_EVERY
            self._stopping.wait(LOOK_EVERY)

    def _keep_servers(self) -> None:
        if self.embedded is None or time.monotonic() < self._servers_due:
            return
        try:
            for name in self.embedded.ensure_alive():
                self.say(f"{name} had ended; it runs again.")
            self._servers_wait = FIRST_WAIT
        except CdpError as error:
            self.say(str(error))
            self._servers_due = time.monotonic() + self._servers_wait
            self._servers_wait = min(LONGEST_WAIT, 2 * self._servers_wait)

    def _tend(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is not None and (code := child.process.poll()) is not None:
            child.process = None
            child.ends = 1 if now - child.started > STEADY else child.ends + 1
            child.due = now + min(LONGEST_WAIT, FIRST_WAIT * 2 ** (child.ends - 1))
            how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
            self.say(f"{child.name} ended {how}; starting it again. {self._log(child)} may say why.")
        if child.process is None and now >= child.due:
            child.process = self._starter.start(
                Launch(child.argv, Path.cwd(), self._log(child), signal.SIGTERM, self.env)
            )
            child.started = now

    def _log(self, child: Child) -> Path:
        return self.logs / f"{child.name.split('-')[0]}.log"


def serving_commands(workers: int) -> dict[str, list[str]]:
    """What `cdp up` keeps running: one API process and `workers` pipeline workers."""
    # -P: a directory called app, where the command was typed, is not ours.
    python = [sys.executable, "-P", "-m"]
    return {
        "api": [*python, "app.api.serve"],
        **{f"worker-{number}": [*python, "app.workers.main"] for number in range(1, workers + 1)},
    }


def child_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Our environment with the settings that were resolved, and without the owner's URL, which serves nobody."""
    ours = {name: value for name, value in os.environ.items() if name != "CDP_MIGRATE_URL"}
    paths = [str(Path(app.__file__).parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**ours, "PYTHONPATH": os.pathsep.join(paths), **settings}
