"""Rotation of the root key: every data key is wrapped anew, and the old root leaves the key file last."""

from dataclasses import dataclass

from app.core.crypto.keyservice import KeyFile
from app.core.errors import Refused
from app.core.sql import Queries
from app.domain import workspaces
from app.domain.fence import LOBBY, others_ended
from app.domain.rotation import House
from app.domain.workspaces import key_context

_rotation = Queries("rotation")


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """The new root, how many keys it wraps anew, and the roots that left the key file."""

    root: str
    keys: int
    removed: tuple[str, ...]
    resumed: bool


async def rotate_root(house: House) -> Rewrapped:
    """Wrap the keys of every workspace under a new root key; finish what was cut short where there are several roots.

    Raises Refused where the root key is not in a key file: a key service rotates its own.
    """
    file = house.key_service
    if not isinstance(file, KeyFile):
        raise Refused("The root key lives in a key service, which rotates it itself.")
    file.reload()
    resumed = len(file.roots) > 1
    if not resumed:
        file.rotate_root(now=house.now())
    total = 0
    while True:
        # From here on whoever wraps reads the new root; who has wrapped already is waited for.
        await others_ended(house)
        anew = await _rewrap_all(house, file)
        total += anew
        if not anew:
            break
    return Rewrapped(file.current, total, file.forget_old_roots(), resumed)


async def _rewrap_all(house: House, file: KeyFile) -> int:
    """Wrap anew what another root than the current one wraps; return how many keys that were."""
    async with house.begin(LOBBY) as lobby:
        everywhere = await workspaces.directory(lobby)
    anew = 0
    for workspace in everywhere:
        async with house.begin(workspace.id) as tx:
            await _rotation.rows(tx, "lock_keys")
            held = await _rotation.rows(tx, "keys")
            old = [row for row in held if file.root_of(row["wrapped"]) != file.current]
            wrapped = []
            for row in old:
                context = key_context(workspace.id, row["id"])
                wrapped.append(file.wrap(file.unwrap(row["wrapped"], context), context))
            if old:
                await _rotation.run(tx, "rewrap", ids=[row["id"] for row in old], wrappeds=wrapped)
            anew += len(old)
    return anew
