import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.servers import forget_sockets

ROOT = Path(__file__).parents[2]

STAND_IN_API = """
import os, signal, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

if Path(os.environ["CDP_DATA_DIR"], "logs", "break").exists():
    sys.exit("broken on purpose")

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            time.sleep(1)
        body = str(os.getpid()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

class Draining(ThreadingHTTPServer):
    daemon_threads = False

server = Draining((os.environ["CDP_HOST"], int(os.environ["CDP_PORT"])), Answer)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
server.server_close()
"""

STAND_IN_WORKER = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
signal.pause()
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  our own http address
        return str(answer.read().decode())


class Up:
    """A running `cdp up`, started as a shell starts it."""

    def __init__(self, tree: Path, data_dir: Path, *options: str, **env: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = data_dir.parent / f"{data_dir.name}-output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "app.cli.main",
                    "up",
                    "--port",
                    str(self.port),
                    "--data-dir",
                    str(data_dir),
                    *options,
                ],
                env={"PYTHONPATH": str(tree), "PATH": os.environ["PATH"], "HOME": str(data_dir.parent), **env},
                cwd=data_dir.parent,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, text: str, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.output.read_text():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.02)

    def ready(self) -> "Up":
        self.wait("Ctrl-C stops everything")
        return self

    def children(self, name: str) -> list[psutil.Process]:
        """Children whose command line has `name`."""
        found = [p for p in psutil.Process(self.process.pid).children() if runs(p)]
        return [p for p in found if any(name in part for part in p.cmdline())]

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def interrupt(self) -> int:
        """Ctrl-C: the terminal signals the whole foreground group."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(60)


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with stand-ins for the API and the worker, in a path with spaces."""
    tree = tmp_path_factory.mktemp("a tree") / "with spaces"
    shutil.copytree(ROOT / "app", tree / "app", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "migrations", tree / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    (tree / "app" / "api" / "serve.py").write_text(STAND_IN_API)
    (tree / "app" / "workers" / "main.py").write_text(STAND_IN_WORKER)
    return tree


@pytest.fixture
def start(tree: Path, tmp_path: Path) -> Iterator["Start"]:
    start = Start(tree, tmp_path)
    yield start
    for up in start.started:
        if up.process.poll() is None:
            family = up.family()
            up.process.kill()
            up.process.wait()
            gone(family)
        forget_sockets(up.data_dir)


class Start:
    def __init__(self, tree: Path, home: Path) -> None:
        self.tree = tree
        self.home = home
        # What lies where the command is typed is not ours, whatever its name is.
        (home / "app").mkdir()
        (home / "app" / "__init__.py").write_text("raise SystemExit('the wrong app')")
        self.started: list[Up] = []

    def __call__(self, name: str = "data", *options: str, **env: str) -> Up:
        self.started.append(Up(self.tree, self.home / name, "--no-demo", *options, **env))
        return self.started[-1]


def gone(processes: list[psutil.Process], seconds: float = 10) -> bool:
    """Whether all end in time; one that has ended and waits to be asked for it is gone."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not [p for p in processes if runs(p)]:
            return True
        time.sleep(0.02)
    return False


def runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
