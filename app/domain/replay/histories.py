"""The third walk: the versions of every profile lead to what it says, and to the records it holds."""

import orjson

from app.core.crypto.keyring import Tampered, UnknownKey
from app.domain.golden import EMPTY, Content, from_columns
from app.domain.golden import load as content_of
from app.domain.replay.findings import Findings
from app.domain.replay.look import Look, Walked
from app.domain.replay.streams import Row, Stream, rows
from app.domain.versions import applied


async def walk(look: Look, found: Findings, walked: Walked) -> None:
    """Fold every profile's versions, and compare the end with the profile and its members."""
    versions, members = Stream(look.tx, "versions", "profile_id"), Stream(look.tx, "members", "profile_id")
    async for row in rows(look.tx, "histories"):
        holds = {member["id"] async for member in members.of(row["id"])}
        if bool(holds) != row["live"]:
            found.differs("no_profile", "profile", row["id"])
        await _fold(look, found, row, versions, holds)
        walked(1)


async def _fold(look: Look, found: Findings, row: Row, versions: Stream, holds: set[int]) -> None:
    id, number, folded = row["id"], 0, set[int]()
    content: Content | None = EMPTY
    gaps = False
    async for version in versions.of(id):
        found.versions += 1
        number += 1
        gaps = gaps or version["version"] != number
        folded |= set(version["joined"])
        folded -= set(version["parted"])
        content = _after(look, found, id, version, content)
    if gaps or number != row["version"]:
        found.differs("versions", "profile", id)
    if folded != holds:
        found.differs("folded", "profile", id)
    try:
        now = from_columns(look.keyring, id, row["public"], row["sealed"], row["proof"])
    except (Tampered, UnknownKey):
        found.differs("unreadable", "profile", id)
        return
    if content is None or not content.says_the_same(now):
        found.differs("history", "profile", id)


def _after(look: Look, found: Findings, id: int, version: Row, before: Content | None) -> Content | None:
    """The content after a version; None as long as one before it cannot be read."""
    place = f"{id}/{version['version']}"
    try:
        held = orjson.loads(look.keyring.open(version["body"], "profile_versions", "body", place))
    except (Tampered, UnknownKey):
        found.differs("unreadable", "profile", id)
        return None
    if version["whole"]:
        return content_of(held)
    return None if before is None else applied(before, held)
