"""`cdp up`: everything that one machine needs, from servers to the block that says what to try."""

import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from app.cli.address import check_port, reachable, wait_ready
from app.cli.connect import embedded_for, with_servers
from app.cli.prepare import prepare
from app.cli.supervisor import Supervisor, child_environment, serving_commands
from app.cli.variables import variables
from app.cli.welcome import load_demo, welcome
from app.core.settings import Settings


class Stopped(BaseException):
    """Somebody asked us to stop; not an error, so nothing that catches errors catches it."""


def up(
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of the API; CDP_PORT or 8000.")] = None,
    host: Annotated[str | None, typer.Option(help="Address of the API; CDP_HOST or 127.0.0.1.")] = None,
    workers: Annotated[int | None, typer.Option(min=0, max=64, help="Pipeline workers; CDP_WORKERS or 1.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Private servers, keys and logs; CDP_DATA_DIR or .data.")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo/--no-demo", help="Load the small demo the first time.")] = True,
) -> None:
    """Start the private servers, migrate, serve, and keep it all running until Ctrl-C.

    Example: cdp up --port 8001 --data-dir ./second --no-demo
    """
    given = {"port": port, "host": host, "workers": workers, "data_dir": data_dir}
    settings = Settings().model_copy(update={name: value for name, value in given.items() if value is not None})
    settings = settings.model_copy(update={"data_dir": settings.data_dir.absolute()})
    check_port(settings.host, settings.port)
    try:
        with stop_signals():
            serve_all(settings, demo=demo)
    except Stopped:
        typer.echo("Stopped.")


def serve_all(settings: Settings, *, demo: bool) -> None:
    """Run until stopped; whatever was started is ended in the opposite order, however this ends."""
    with ExitStack() as ends:
        embedded = None
        if not (settings.database_url and settings.redis_url):
            embedded = embedded_for(settings, say)
            settings = with_servers(settings, ends.enter_context(embedded))
        assert settings.database_url is not None, "set or embedded"

        from app.cli.schema import migrate  # alembic is slow to import, and the servers start meanwhile

        migrate(settings.owner_url)
        prepare(settings)
        logs = settings.data_dir / "logs"
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        commands = serving_commands(settings.workers)
        env = child_environment(variables(settings) | fresh_metrics(settings))
        supervisor = Supervisor(commands, env, logs, embedded, say)
        ends.callback(supervisor.stop)
        ends.callback(say, "Stopping")
        supervisor.start()
        base_url = reachable(settings.host, settings.port)
        wait_ready(base_url, lambda: supervisor.ends_of("api"))
        if demo:
            load_demo(settings)
        typer.echo(welcome(settings, base_url))
        threading.Event().wait()


@contextmanager
def stop_signals() -> Iterator[None]:
    """Ctrl-C, SIGTERM and a closed terminal raise Stopped, once: what ends things is not interrupted."""
    asked = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if not asked:
            asked = True
            raise Stopped

    kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(kind, stop) for kind in kinds]
    try:
        yield
    finally:
        for kind, old in zip(kinds, before, strict=True):
            signal.signal(kind, old)


def say(sentence: str) -> None:
    """Progress, for people: on stderr, so that stdout has what was asked for."""
    typer.echo(sentence, err=True)


def fresh_metrics(settings: Settings) -> dict[str, str]:
    """Where the processes of this instance leave their figures for one `/metrics`; figures begin anew with it."""
    folder = settings.data_dir / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    return {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
