"""`cdp serve` and `cdp worker`: one serving process each, for machines where something else keeps them alive."""

import os

from app.cli.connect import with_servers
from app.cli.supervisor import child_environment, serving_commands
from app.cli.variables import variables
from app.core.errors import Unavailable
from app.core.settings import Settings
from app.embedded import running


def serve() -> None:
    """Serve the API in this process, on CDP_HOST and CDP_PORT.

    Example: CDP_DATABASE_URL=postgresql://app@db/samewise CDP_REDIS_URL=redis://valkey cdp serve
    """
    _become("api")


def worker() -> None:
    """Run one pipeline worker in this process.

    Example: CDP_DATABASE_URL=postgresql://app@db/samewise CDP_REDIS_URL=redis://valkey cdp worker
    """
    _become("worker-1")


def _become(name: str) -> None:
    """Replace this process: one process to signal, to count and to watch."""
    settings = Settings()
    if not (settings.database_url and settings.redis_url):
        servers = running(settings.data_dir)
        if servers is None:
            raise Unavailable("No servers run here; start them with ./run, or set CDP_DATABASE_URL and CDP_REDIS_URL.")
        settings = with_servers(settings, servers)
    argv = serving_commands(1)[name]
    os.execve(argv[0], argv, child_environment(variables(settings)))  # noqa: S606  our own arguments
