"""What `cdp up` prints when everything runs: where to click, and commands that work as they stand."""

import json
import os
import shlex
import sys
import urllib.error
import urllib.request
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from app.core.settings import Settings

EXAMPLE_RECORD = [{"key": "42", "traits": {"email": "ada@example.com", "first_name": "Ada"}}]
EXAMPLE_QUERY = 'query { profile(by: {email: "ada@example.com"}) { id version firstName records { source key } } }'

ANSWER_LIMIT = 2000
"""Characters of a printed answer."""


def load_demo(settings: Settings) -> None:
    """Load the demo's world where this release has one; the demo knows whether it is loaded already."""
    if (demo := _part("app.cli.demo")) is not None:
        demo.load(settings)


def welcome(settings: Settings, base_url: str) -> str:
    """The block of text. Tokens are minted when a command is copied, so none stands on the screen."""
    cdp = _command(settings)
    record = shlex.quote(json.dumps(EXAMPLE_RECORD))
    query, answer = _question(settings, base_url)
    lines = [
        "",
        f"Samewise is ready: {base_url}",
        f"  API documentation  {base_url}/docs",
        f"  GraphQL            {base_url}/graphql",
        f"  Logs               {settings.data_dir / 'logs'}",
        "",
        "Send a record:",
        f"  curl '{base_url}/v1/sources/crm/records?wait=resolved' -H 'Content-Type: application/json' \\",
        f'    -H "Authorization: Bearer $({cdp} token --scope ingest:write)" \\',
        f"    -d {record}",
        "",
        "Ask for a profile:",
        f"  curl {base_url}/graphql -H 'Content-Type: application/json' \\",
        f'    -H "Authorization: Bearer $({cdp} token --scope profiles:read)" \\',
        f"    -d {shlex.quote(json.dumps({'query': query}))}",
        *(["", "which answers:", *(f"  {line}" for line in answer.splitlines())] if answer else []),
        "",
        f"Send events with any Segment or RudderStack SDK: host {base_url}, write key from",
        f"  {cdp} key --source web --create",
        "",
        "Ctrl-C stops everything.",
    ]
    return "\n".join(lines)


def _question(settings: Settings, base_url: str) -> tuple[str, str]:
    """A query and what the running server answers to it; no answer where nobody is known yet."""
    demo, token = _part("app.cli.demo"), _part("app.cli.token")
    query = str(getattr(demo, "QUERY", EXAMPLE_QUERY))
    if token is None:
        return query, ""
    request = urllib.request.Request(  # noqa: S310  our own http address
        f"{base_url}/graphql",
        json.dumps({"query": query}).encode(),
        {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {token.access_token(settings, ['profiles:read'])}",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310  our own http address
            answer = json.load(response)
    except (OSError, urllib.error.HTTPError, ValueError):
        return query, ""
    known = any((answer.get("data") or {}).values())
    return query, json.dumps(answer, indent=2)[:ANSWER_LIMIT] if known else ""


def _command(settings: Settings) -> str:
    """`cdp` as it can be typed here, with the data directory where it is not the usual one."""
    program = Path(sys.executable).with_name("cdp")
    relative = os.path.relpath(program)
    shown = shlex.quote(str(program) if relative.startswith("..") else relative)
    usual = settings.data_dir == Path(".data").absolute()
    return shown if usual else f"CDP_DATA_DIR={shlex.quote(str(settings.data_dir))} {shown}"


def _part(name: str) -> ModuleType | None:
    return import_module(name) if find_spec(name) is not None else None
