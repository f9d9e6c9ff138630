"""The `graphql-http` audits, all 61, by their own programs against a real server on a port."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from app.api.main import build, edged
from app.core.runtime import Runtime
from app.core.settings import Settings
from tests.served import access_token
from tests.tenancy import new_workspace

AUDIT = Path(__file__).parent / "audit"
INSTALL = ("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--silent")


@pytest.fixture
async def base_url(settings: Settings) -> AsyncIterator[str]:
    """A server of its own, on a free port."""
    server = uvicorn.Server(uvicorn.Config(_app(settings), port=0, log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        assert not serving.done(), "the server did not start"
        await asyncio.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await serving


def _app(settings: Settings) -> Any:
    return edged(build(settings))


async def ran(*command: str, **env: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=AUDIT,
        env=os.environ | env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, err.decode()[-2000:]
    return out


async def installed() -> None:
    """The audit's two packages, at their pinned versions; skips where there is no node or no registry."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are needed for the GraphQL over HTTP audits")
    wanted = json.loads((AUDIT / "package.json").read_text())["dependencies"]
    held = {
        name: json.loads((AUDIT / "node_modules" / name / "package.json").read_text())["version"]
        for name in wanted
        if (AUDIT / "node_modules" / name / "package.json").exists()
    }
    if held != wanted:
        try:
            await ran(*INSTALL)
        except AssertionError as failed:
            pytest.skip(f"npm could not install the GraphQL over HTTP audits: {failed}")


async def test_all_61_audits_pass(base_url: str, rt: Runtime) -> None:
    await installed()
    token = access_token(rt, await new_workspace(rt), "profiles:read")
    results = json.loads(await ran("node", "audit.mjs", f"{base_url}/graphql", AUDIT_TOKEN=token))
    failed = [f"{each['id']} {each['name']}: {each['reason']}" for each in results if each["status"] != "ok"]
    assert not failed, "\n".join(failed)
    assert len(results) == 61
