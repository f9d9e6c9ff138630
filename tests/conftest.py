"""Real servers once a session, a migrated database, and a fresh workspace for every test that asks for one."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from app.cli.prepare import make_keys
from app.cli.schema import migrate
from app.core.crypto.keyring import Keyring
from app.core.ids import PublicIds
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.domain import keys
from app.domain.workspaces import Workspace
from tests.domain.office import Office
from tests.domain.story import Story
from tests.live import client, live, live_settings
from tests.served import served
from tests.servers import private_servers
from tests.tenancy import new_workspace

__all__ = ["client", "live", "live_settings"]
"""One running product for the whole session: nine of them would use up the server's connections."""


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a private PostgreSQL and Valkey that are migrated and have keys."""
    home: Path = tmp_path_factory.mktemp("samewise")
    with private_servers() as servers:
        held = Settings(database_url=servers.database_url, redis_url=servers.redis_url, data_dir=home)
        migrate(servers.database_url)
        make_keys(held)
        yield held


@pytest.fixture(scope="session")
async def rt(settings: Settings) -> AsyncIterator[Runtime]:
    runtime = await Runtime.open(settings)
    yield runtime
    await runtime.close()


@pytest.fixture
async def workspace(rt: Runtime) -> Workspace:
    """A tenant of one's own: tests share the server and see nothing of each other."""
    return await new_workspace(rt)


@pytest.fixture
async def keyring(rt: Runtime, workspace: Workspace) -> Keyring:
    async with rt.begin(workspace.id) as tx:
        return await keys.load(rt.key_service, tx)


@pytest.fixture
def ids(workspace: Workspace) -> PublicIds:
    """How ids of the workspace look to outsiders."""
    return PublicIds(workspace.salt)


@pytest.fixture
def story(rt: Runtime, workspace: Workspace, keyring: Keyring) -> Story:
    """A voice for the workspace's sources."""
    return Story(rt, workspace, keyring)


@pytest.fixture
def office(rt: Runtime, workspace: Workspace, keyring: Keyring) -> Office:
    """The same voice, and somebody who decides."""
    return Office(rt, workspace, keyring)


@pytest.fixture(scope="module")
async def api(settings: Settings) -> AsyncIterator[FastAPI]:
    """The API, served in this process."""
    async with served(settings) as app:
        yield app
