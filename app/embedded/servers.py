"""The addresses of private servers, for us and for other commands on the same data directory."""

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

_FILE = "servers.json"


@dataclass(frozen=True, slots=True)
class Servers:
    """URLs as asyncpg, redis-py and arq take them; empty where that server is not embedded."""

    database_url: str
    redis_url: str


def publish(data_dir: Path, servers: Servers) -> None:
    """Tell other commands on this data directory where the servers are."""
    fresh = data_dir / f"{_FILE}.new"
    fresh.write_text(json.dumps(asdict(servers)), "utf-8")
    fresh.chmod(0o600)
    fresh.replace(data_dir / _FILE)


def withdraw(data_dir: Path) -> None:
    (data_dir / _FILE).unlink(missing_ok=True)


def running(data_dir: Path) -> Servers | None:
    """The servers that another process keeps in this data directory, or None.

    A file that a killed process left says nothing: its lock tells that it is gone.
    """
    try:
        text = (data_dir / _FILE).read_text("utf-8")
        fd = os.open(data_dir / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return Servers(**json.loads(text))
    finally:
        os.close(fd)
    return None
