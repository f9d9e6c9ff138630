"""Telling the demo's world to a workspace: records and events go into the log as they do from any source."""

from dataclasses import dataclass
from datetime import datetime

import orjson

from app.core.crypto.keyring import Keyring
from app.core.ids import PublicIds
from app.core.runtime import Runtime
from app.core.sql import Queries, Tx
from app.core.strictjson import Items
from app.demo.world import ENGLISH, SYSTEMS, Sending, System, Wave
from app.domain import event_ingest, ingest_log, keys, record_batches, record_ingest, sources
from app.domain.deliveries import Kind
from app.domain.event_ingest import Arrival, Sender
from app.domain.record_batches import Taken
from app.domain.record_ingest import Item
from app.domain.sources import Source
from app.domain.workspaces import Workspace

_story = Queries("story", "app.demo")


@dataclass(frozen=True, slots=True)
class Teller:
    """Speaks for the shop's systems in one workspace."""

    rt: Runtime
    workspace: Workspace

    async def knows(self, wave: Wave) -> bool:
        """Whether this workspace was told a wave already."""
        async with self.rt.begin(self.workspace.id) as tx:
            return await _told(tx, await keys.keyring(self.rt, tx), wave)

    async def is_empty(self) -> bool:
        """Whether nobody spoke to this workspace yet, so that the demo mixes with nobody's customers."""
        async with self.rt.begin(self.workspace.id) as tx:
            return not {each.name for each in (await sources.all_sources(tx)).values()} - {sources.EDITS}

    async def tell(self, wave: Wave) -> int:
        """Put a wave into the log, in one transaction and once; return the log's newest id after it."""
        now = self.rt.now()
        async with self.rt.begin(self.workspace.id) as tx:
            await _story.run(tx, "begin_alone")
            keyring = await keys.keyring(self.rt, tx)
            if not await _told(tx, keyring, wave):
                for sending in wave.sendings:
                    await self._send(tx, keyring, sending, now)
            newest: int = await _story.value(tx, "newest_message")
        return newest

    async def settled(self, newest: int) -> bool:
        """Whether nothing up to this log id waits for the pipeline any more."""
        async with self.rt.begin(self.workspace.id) as tx:
            return not await _story.value(tx, "waiting_up_to", last=newest)

    async def _send(self, tx: Tx, keyring: Keyring, sending: Sending, now: datetime) -> None:
        system = next(each for each in SYSTEMS if each.name == sending.source)
        source = await _source(tx, system, now)
        raws = [orjson.dumps(message) for message in sending.messages]
        if system.kind is Kind.RECORD:
            await self._records(tx, keyring, source, raws, now)
        else:
            arrival = Arrival(Sender(self.workspace.id, source.id, keyring), now)
            limit = self.rt.settings.max_event_bytes
            event_ingest.take(arrival, Items(raws, [orjson.loads(raw) for raw in raws]), max_bytes=limit)
            await event_ingest.write(tx, [arrival], now=now)

    async def _records(self, tx: Tx, keyring: Keyring, source: Source, raws: list[bytes], now: datetime) -> None:
        (batch_id,) = await record_batches.fresh_ids(tx, 1)
        receipt = await record_ingest.accept(
            tx,
            keyring,
            source,
            [Item(position, raw, orjson.loads(raw)) for position, raw in enumerate(raws)],
            now=now,
            batch_id=PublicIds(self.workspace.salt).encode(batch_id),
            max_bytes=self.rt.settings.max_record_bytes,
        )
        await record_batches.keep(tx, [Taken(batch_id, source.id, receipt)], now=now)


async def working(rt: Runtime, lock_class: int) -> int:
    """How many pipeline workers live now."""
    async with rt.lobby() as tx:
        alive: int = await _story.value(tx, "working", **{"class": lock_class})
    return alive


async def _told(tx: Tx, keyring: Keyring, wave: Wave) -> bool:
    return bool(await ingest_log.held(tx, [ingest_log.message_token(keyring, wave.marker)]))


async def _source(tx: Tx, system: System, now: datetime) -> Source:
    """The system as a source, which declares how its dates and telephone numbers are meant."""
    known = {each.name: each for each in (await sources.all_sources(tx)).values()}
    if system.name in known:
        return known[system.name]
    return await sources.create(tx, system.name, now=now, priority=system.priority, declared=ENGLISH)
