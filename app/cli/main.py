"""`cdp`: every command, and the one place where an expected failure becomes a sentence and an exit code."""

import sys
from collections.abc import Sequence

import typer
from pydantic import ValidationError

from app.cli import migrate, serve, up
from app.core.errors import CdpError

FAILED = 1
MISUSED = 2
INTERRUPTED = 130

app = typer.Typer(
    name="cdp",
    help="Samewise: exact, provable merges and golden profiles. Each command has --help with an example.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("up")(up.up)
app.command("migrate")(migrate.migrate_command)
app.command("serve")(serve.serve)
app.command("worker")(serve.worker)


@app.callback()
def cdp() -> None:
    """Keeps `cdp NAME` the form of every command, however many there are."""


def run(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code; what is expected to go wrong ends in one sentence."""
    try:
        return int(app(list(argv), standalone_mode=False, prog_name="cdp") or 0)
    except CdpError as error:
        return _fail(str(error), FAILED)
    except typer.TyperException as error:
        return _fail(error.format_message(), MISUSED)
    except ValidationError as error:
        return _fail(_setting(error), MISUSED)
    except typer.Abort:
        return INTERRUPTED


def main() -> None:
    sys.exit(run(sys.argv[1:]))


def _fail(sentence: str, code: int) -> int:
    typer.echo(sentence, err=True)
    return code


def _setting(error: ValidationError) -> str:
    """The first bad setting by its name, without its value, which may be a secret."""
    first = error.errors(include_input=False)[0]
    name = "_".join(str(part) for part in first["loc"]).upper()
    return f"The setting CDP_{name} is no good: {first['msg'].lower()}."


if __name__ == "__main__":
    main()
