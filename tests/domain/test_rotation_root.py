"""The root key rotates: every key is wrapped anew, and the old root leaves the file last."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from app.core.crypto.keyservice import KeyFile, UnknownRoot
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.domain import keys, rewrap, workspaces
from tests.make import tenant


async def root_names(rt: Runtime) -> set[str]:
    """The roots that wrap any key of any workspace."""
    found = set()
    assert isinstance(rt.key_service, KeyFile)
    async with rt.lobby() as lobby:
        everywhere = await workspaces.directory(lobby)
    for workspace in everywhere:
        async with rt.begin(workspace.id) as tx:
            rows = await tx.conn.fetch("SELECT wrapped FROM data_keys WHERE workspace_id = $1", workspace.id)
            found |= {rt.key_service.root_of(row["wrapped"]) for row in rows}
    return found


async def test_a_rotated_root_wraps_every_key_and_the_old_one_is_gone(rt: Runtime, tmp_path: Path) -> None:
    one, other = await tenant(rt), await tenant(rt)
    assert isinstance(rt.key_service, KeyFile)
    before = tmp_path / "before.json"
    shutil.copy2(rt.key_service.path, before)
    old = rt.key_service.current
    sealed = one.keyring.seal(b"Ann", "profiles", "sealed", 1)
    done = await rewrap.rotate_root(rt)
    assert (done.removed, done.resumed) == ((old,), False)
    assert done.keys >= 4
    assert await root_names(rt) == {done.root} == set(KeyFile(rt.key_service.path).roots)
    for workspace in (one, other):
        async with rt.begin(workspace.id) as tx:
            assert (await keys.load(rt.key_service, tx)).active == 1
            with pytest.raises(UnknownRoot):
                await keys.load(KeyFile(before), tx)
    async with rt.begin(one.id) as tx:
        assert (await keys.load(rt.key_service, tx)).open(sealed, "profiles", "sealed", 1) == b"Ann"


async def test_a_root_rotation_that_was_cut_short_goes_on(rt: Runtime) -> None:
    await tenant(rt)
    assert isinstance(rt.key_service, KeyFile)
    root = rt.key_service.rotate_root(now=rt.now())
    done = await rewrap.rotate_root(rt)
    assert (done.root, done.resumed) == (root, True)
    assert rt.key_service.roots == (root,)
    assert await root_names(rt) == {root}


async def test_a_process_that_has_not_heard_of_the_new_root_wraps_under_it_all_the_same(rt: Runtime) -> None:
    assert isinstance(rt.key_service, KeyFile)
    unaware = KeyFile(rt.key_service.path)
    rt.key_service.rotate_root(now=rt.now() + timedelta(days=1))
    assert unaware.root_of(unaware.wrap(bytes(32), "workspace/1/key/1")) == rt.key_service.current
    await rewrap.rotate_root(rt)


async def test_other_processes_open_what_the_new_root_wraps(rt: Runtime, settings: Settings) -> None:
    one = await tenant(rt)
    elsewhere = await Runtime.open(settings)
    try:
        await rewrap.rotate_root(rt)
        async with elsewhere.begin(one.id) as tx:
            assert (await keys.load(elsewhere.key_service, tx)).active == 1
    finally:
        await elsewhere.close()
