"""Server processes: started so that they cannot outlive us, recognised before they are signalled."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from app.core.errors import Unavailable
from app.embedded.account import Account

POLL = 0.01
LEFT = ((signal.SIGINT, 30.0), (signal.SIGKILL, 5.0))
_PR_SET_PDEATHSIG = 1
_LINUX = sys.platform.startswith("linux")
# Loaded before any fork: the child of a process with threads may not load anything.
_prctl = ctypes.CDLL(None).prctl if _LINUX else None


def bare() -> Mapping[str, str]:
    """An environment that tells nothing: ours may hold secrets, which are no server's business."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a server: its arguments, its own directory, its log, the signal that ends it, its environment."""

    argv: Sequence[str]
    directory: Path
    log: Path
    end: signal.Signals
    env: Mapping[str, str] = field(default_factory=bare)


class Starter:
    """Starts processes that the kernel ends when we die.

    Linux sends a child its death signal when the *thread* that made it ends, so all are
    made by one thread that lives as long as the starter does. Elsewhere a server that
    lost its parent is found by its pid file at the next start.
    """

    def __init__(self, account: Account | None) -> None:
        self.account = account
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="servers")
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, launch: Launch) -> subprocess.Popen[bytes]:
        return self._thread.submit(self._start, launch, subprocess.DEVNULL).result()

    def run(self, launch: Launch, stdin: bytes) -> int:
        """Run a program to its end on some input and return its exit code."""
        child = self._thread.submit(self._start, launch, subprocess.PIPE).result()
        child.communicate(stdin)
        return child.returncode

    def close(self) -> None:
        """End the thread, and by that whatever an interrupted start has left running; return when it has ended."""
        self._thread.shutdown()
        for child in self._started:
            if child.poll() is None:
                end_child(child, LEFT)

    def _start(self, launch: Launch, stdin: int) -> subprocess.Popen[bytes]:
        parent = os.getpid()

        def tie() -> None:
            if _prctl is not None:
                _prctl(_PR_SET_PDEATHSIG, launch.end)
                if os.getppid() != parent:  # it died before we had tied ourselves to it
                    os._exit(1)

        with launch.log.open("ab") as log:
            self._started = [child for child in self._started if child.poll() is None]
            child = subprocess.Popen(  # noqa: S603  our own arguments
                launch.argv,
                cwd=launch.directory,
                stdin=stdin,
                stdout=log,
                stderr=log,
                # A group of its own: Ctrl-C is for us, who then end the servers in order.
                start_new_session=True,
                env=launch.env,
                user=self.account.uid if self.account else None,
                group=self.account.gid if self.account else None,
                extra_groups=[] if self.account else None,
                umask=0o077,
                preexec_fn=tie,
            )
            self._started.append(child)
            return child


def is_server(pid: int, program: str, directory: Path) -> bool:
    """Whether a process is alive, runs `program` and works in `directory`: pids are used again after a crash."""
    if pid <= 0:
        return False
    if _LINUX:
        try:
            name = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
            return (
                Path(os.fsdecode(name)).name == program and Path(os.readlink(f"/proc/{pid}/cwd")) == directory.resolve()
            )
        except OSError:
            return False
    listed = subprocess.run(  # noqa: S603  a number of ours
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return program in listed.stdout and str(directory) in listed.stdout


def end(
    alive: Callable[[], bool], send: Callable[[signal.Signals], None], steps: Sequence[tuple[signal.Signals, float]]
) -> None:
    """Ask a process to end, more firmly at each step; a step is a signal and the seconds it is given."""
    for number, seconds in steps:
        with contextlib.suppress(ProcessLookupError):
            send(number)
        deadline = time.monotonic() + seconds
        while alive():
            if time.monotonic() > deadline:
                break
            time.sleep(POLL)
        else:
            return
    raise Unavailable("A private server does not end; see the logs in the data directory.")


def end_child(child: subprocess.Popen[bytes], steps: Sequence[tuple[signal.Signals, float]]) -> None:
    end(lambda: child.poll() is None, child.send_signal, steps)


def end_orphan(pid: int, program: str, directory: Path, steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """End a server whose parent was killed; a process that is not that server is left alone."""
    if is_server(pid, program, directory):
        end(lambda: is_server(pid, program, directory), lambda number: os.kill(pid, number), steps)
