"""Who sends: write keys and access tokens become senders, remembered for a few seconds."""

import base64
import time

from app.api.deps import Directory
from app.core.errors import NotFound, Unauthenticated
from app.core.runtime import Runtime
from app.domain import keys, sources
from app.domain.event_ingest import Sender

FRESH_SECONDS = 5.0
MAX_REMEMBERED = 10_000
MAX_KEY = 200


class Senders:
    """Write keys to senders. A key that was disabled stops within FRESH_SECONDS."""

    def __init__(self, rt: Runtime, directory: Directory) -> None:
        self._rt = rt
        self._directory = directory
        self._held: dict[str, tuple[float, Sender | None]] = {}

    async def by_key(self, key: str) -> Sender:
        """The sender that owns a write key. Raises Unauthenticated."""
        now = time.monotonic()
        held = self._held.get(key)
        if held is None or now - held[0] > FRESH_SECONDS:
            if len(self._held) >= MAX_REMEMBERED:
                self._held.clear()
            held = self._held[key] = (now, await self._find(key))
        if held[1] is None:
            raise Unauthenticated("This write key is not known; print a source's key with `cdp key --source NAME`.")
        return held[1]

    async def _find(self, key: str) -> Sender | None:
        workspace_id = sources.workspace_of(key) if len(key) <= MAX_KEY else None
        if workspace_id is None:
            return None
        async with self._rt.begin(workspace_id) as tx:
            try:
                keyring = await keys.keyring(self._rt, tx)
            except NotFound:
                return None
            source_id = await sources.by_write_key(tx, keyring, key)
        return None if source_id is None else Sender(workspace_id, source_id, keyring)


def basic_user(authorization: str) -> str | None:
    """The user name of HTTP Basic (RFC 7617): the write key, with or without the colon behind it."""
    kind, _, said = authorization.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        text = base64.b64decode(said.strip(), validate=True).decode("utf-8")
    except ValueError:  # of base64, of UTF-8, or of a header that is not even ASCII
        raise Unauthenticated("The Authorization header is not Basic as RFC 7617 has it.") from None
    return text.partition(":")[0]
