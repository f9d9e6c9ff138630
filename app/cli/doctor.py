"""`cdp doctor`: whether everything this installation stands on is in order, and what to do where it is not."""

import asyncio
from dataclasses import asdict

import typer

from app.cli import checks
from app.cli.answer import AsJson, answer
from app.cli.checks import Finding, Mark
from app.cli.connect import with_servers
from app.core.errors import Refused
from app.core.settings import Settings
from app.embedded import running


class NotWell(Refused):
    """Something must be done; the lines above say what."""


def doctor(as_json: AsJson = False) -> None:
    """Check database, keys, queue server, workers, disk and clock. Ends with 1 when something failed.

    Looks only: it starts nothing and changes nothing.

    Example: cdp doctor
    """
    settings = Settings()
    servers = running(settings.data_dir)
    if servers is not None:
        settings = with_servers(settings, servers)
    found = asyncio.run(examined(settings))
    well = all(each.mark is not Mark.FAILED for each in found)
    answer({"ok": well, "checks": [asdict(each) for each in found]}, "\n".join(map(told, found)), as_json=as_json)
    if not well:
        raise NotWell


async def examined(settings: Settings) -> list[Finding]:
    """Every finding, in the order in which people should read them."""
    found = await checks.database(settings)
    found += checks.keys(settings)
    found.append(await checks.queue_server(settings.redis_url))
    found.append(checks.disk(settings.data_dir))
    return found


def told(finding: Finding) -> str:
    mark = typer.style(f"{finding.mark:<8}", fg=_COLOURS[finding.mark])
    line = f"{mark} {finding.check:<13} {finding.found}"
    return f"{line}\n{'':<23}{finding.advice}" if finding.advice else line


_COLOURS = {Mark.OK: typer.colors.GREEN, Mark.WARNING: typer.colors.YELLOW, Mark.FAILED: typer.colors.RED}
