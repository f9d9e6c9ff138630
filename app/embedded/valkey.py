"""The private Valkey: a doorbell that remembers what it can, and may forget everything."""

import contextlib
import signal
import socket
import subprocess
import time
from pathlib import Path

from app.core.errors import Unavailable
from app.embedded.place import Place
from app.embedded.process import POLL, Launch, Starter, end_child, end_orphan
from app.embedded.programs import Programs

STOP = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))

START_LIMIT = 60.0
"""Seconds to load the log of a doorbell."""

SETTINGS = {
    "port": "0",
    "daemonize": "no",
    "set-proc-title": "no",
    "loglevel": "notice",
    "dir": ".",
    "pidfile": "valkey.pid",
    "unixsocketperm": "700",
    # A second of bells may be lost with the machine; the sweep finds what no bell announced.
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    # A full doorbell refuses, and the database goes on; it must never drop a job in silence.
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
}


class Valkey:
    """One server in one data directory."""

    def __init__(self, place: Place, programs: Programs, starter: Starter) -> None:
        self._place = place
        self._programs = programs
        self._starter = starter
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        return self._place.sockets / "valkey.sock"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    def start(self) -> None:
        """Return when it answers. A log of it that cannot be read is set aside: the database knows all of it."""
        self._place.give(self._place.valkey)
        self._clear_remains()
        if self._try_start():
            return
        kept = self._place.valkey / "appendonlydir"
        if kept.exists():
            kept.rename(self._place.valkey / f"unreadable-{time.time_ns()}")
            if self._try_start():
                return
        raise Unavailable(f"The private Valkey does not start; {self._log} says why.")

    def stop(self) -> None:
        if self._child is not None:
            end_child(self._child, STOP)
            self._child = None

    @property
    def _log(self) -> Path:
        return self._place.logs / "valkey.log"

    def _clear_remains(self) -> None:
        with contextlib.suppress(FileNotFoundError, ValueError):
            pid = int((self._place.valkey / "valkey.pid").read_text("utf-8"))
            end_orphan(pid, self._programs.valkey.name, self._place.valkey, STOP)

    def _try_start(self) -> bool:
        options = [word for name, value in SETTINGS.items() for word in (f"--{name}", value)]
        argv = [str(self._programs.valkey), "--unixsocket", str(self.socket), *options]
        self._child = self._starter.start(Launch(argv, self._place.valkey, self._log, signal.SIGTERM))
        deadline = time.monotonic() + START_LIMIT
        while self._child.poll() is None:
            if _answers(self.socket):
                return True
            if time.monotonic() > deadline:
                self.stop()
                raise Unavailable(f"The private Valkey is not up after {START_LIMIT:.0f} s; {self._log} says why.")
            time.sleep(POLL)
        self._child = None
        return False


def _answers(path: Path) -> bool:
    """Whether it has loaded its log and serves: while it loads, a ping is answered with -LOADING."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as ping, contextlib.suppress(OSError):
        ping.settimeout(1.0)
        ping.connect(str(path))
        ping.sendall(b"PING\r\n")
        return ping.recv(64).startswith(b"+PONG")
    return False
