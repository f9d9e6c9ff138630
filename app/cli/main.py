"""`cdp`: every command, and the one place where an expected failure becomes a sentence and an exit code."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module

import typer
from pydantic import ValidationError

from app.core.errors import CdpError

FAILED = 1
MISUSED = 2
INTERRUPTED = 130

# Each command's module and what is registered from it. A command line loads only the module that it needs: a token
# must not wait for the libraries of a migration.
COMMANDS: Mapping[str, tuple[str, str]] = {
    "up": ("up", "up"),
    "migrate": ("migrate", "migrate_command"),
    "serve": ("serve", "serve"),
    "worker": ("serve", "worker"),
    "token": ("token", "token"),
    "key": ("key", "key"),
    "workspace": ("workspace", "app"),
    "source": ("source", "app"),
    "import": ("import_", "import_file"),
    "demo": ("demo", "demo"),
    "doctor": ("doctor", "doctor"),
    "keys": ("keys", "app"),
    "replay": ("replay", "replay"),
    "evaluate": ("evaluate", "evaluate"),
    "resolve": ("resolve", "resolve"),
    "train": ("train", "train"),
}


def build(names: Iterable[str]) -> typer.Typer:
    """The command line with these commands."""
    app = typer.Typer(
        name="cdp",
        help="Samewise: exact, provable merges and golden profiles. Each command has --help with an example.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    # Keeps `cdp NAME` the form of every command, also when only one is loaded.
    app.callback()(_cdp)
    for name in names:
        module, attribute = COMMANDS[name]
        found = getattr(import_module(f"app.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app


def _cdp() -> None:
    """Samewise: exact, provable merges and golden profiles. Each command has --help with an example."""


def run(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code; what is expected to go wrong ends in one sentence."""
    try:
        app = build([argv[0]] if argv and argv[0] in COMMANDS else COMMANDS)
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
