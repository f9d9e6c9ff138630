"""A workspace that is told things: records and events go into the log and through the pipeline, as they would."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from app.core.crypto.keyring import Keyring
from app.core.runtime import Runtime
from app.domain import ingest_log, sources
from app.domain.deliveries import Kind
from app.domain.edits import edit
from app.domain.lookup import By, lookup
from app.domain.profiles import Profile
from app.domain.workspaces import Workspace
from app.workers.process import Processor


class Story:
    """Speaks for the sources of one workspace and reads its profiles back."""

    def __init__(self, rt: Runtime, workspace: Workspace, keyring: Keyring) -> None:
        self.rt = rt
        self.workspace = workspace
        self.keyring = keyring
        self._told = 0

    async def record(
        self,
        key: str,
        traits: dict[str, Any] | None = None,
        *,
        source: str = "crm",
        identifiers: Sequence[tuple[str, str]] | None = None,
        at: datetime | None = None,
        deleted: bool = False,
    ) -> None:
        """One record of a record ingest, settled."""
        said: dict[str, Any] = {"key": key, "traits": traits or {}, "deleted": deleted}
        if identifiers is not None:
            said["identifiers"] = [{"namespace": n, "value": v} for n, v in identifiers]
        if at is not None:
            said["observed_at"] = at.isoformat()
        await self.tell(source, Kind.RECORD, said)

    async def event(self, source: str = "web", **said: Any) -> None:
        """One event of the Segment specification, settled."""
        await self.tell(source, Kind.EVENT, said)

    async def tell(self, source: str, kind: Kind, *messages: Any) -> None:
        """Messages of one source in one batch."""
        now = self.rt.now()
        async with self.rt.begin(self.workspace.id) as tx:
            held = await sources.ensure(tx, source, now=now)
            sealed = []
            for said in messages:
                self._told += 1
                body = orjson.dumps({"message": said})
                sealed.append(ingest_log.seal(self.keyring, f"{self._told}", held.id, kind, body, now))
            await ingest_log.append(tx, sealed)
        await Processor(self.rt, 1).drain(self.workspace.id)

    async def find(self, *wanted: By, proof: bool = True) -> list[Profile | None]:
        async with self.rt.begin(self.workspace.id) as tx:
            return await lookup(tx, self.keyring, wanted, proof=proof)

    async def one(self, by: By) -> Profile:
        (found,) = await self.find(by)
        assert found is not None, by
        return found

    async def edit(self, id: int, traits: dict[str, Any], *, seen: int | None = None) -> Profile:
        versions = None if seen is None else frozenset((seen,))
        async with self.rt.begin(self.workspace.id) as tx:
            return await edit(tx, self.keyring, id, traits, versions=versions, now=self.rt.now())
