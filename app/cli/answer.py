"""Options that every command shares, and how a command answers: a sentence for people or JSON for programs."""

import json
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]
InWorkspace = Annotated[str, typer.Option("--workspace", help="The workspace (tenant) to work in.")]
DEFAULT_WORKSPACE = "default"


def answer(value: Any, sentence: str, *, as_json: bool) -> None:
    """Print `value` as one line of JSON, or `sentence`."""
    typer.echo(json.dumps(value, default=str, ensure_ascii=False) if as_json else sentence)
