"""The Segment HTTP Tracking API: `POST /v1/identify /track /page /screen /group /alias /batch /import`.

200 `{"success": true}` comes after the commit. What is wrong with one event
never takes its neighbours along: it is kept in quarantine, and the answer is
200 as Segment's is, unless `X-Strict-Mode: 1` asks for a 400 with the reasons.
"""

from collections.abc import Mapping, Sequence

import orjson

from app.api.ingest import bodies
from app.api.ingest.bodies import Receive
from app.api.ingest.commit import GroupCommit
from app.api.ingest.senders import Senders, basic_user
from app.api.ingest.turns import Turns
from app.core.errors import Fault, Refused, Unauthenticated
from app.core.runtime import Runtime
from app.core.sql import Tx
from app.core.strictjson import Items, parse, split
from app.domain import event_ingest, keys
from app.domain.event_ingest import Arrival, Sender

SINGLE = frozenset(("identify", "track", "page", "screen", "group", "alias"))
BATCH = frozenset(("batch", "import"))
SUCCESS = b'{"success": true}'

Headers = Mapping[bytes, bytes]


class EventDoor:
    """Answers the calls of Segment's and RudderStack's SDKs."""

    def __init__(self, rt: Runtime, senders: Senders, commit: GroupCommit[Arrival], turns: Turns) -> None:
        self._rt = rt
        self._turns = turns
        self._senders = senders
        self._commit = commit

    async def answer(self, call: str, headers: Headers, receive: Receive) -> bytes:
        """Take in one request and return the body of its 200. Raises what is to be answered otherwise."""
        settings = self._rt.settings
        sender = await self._by_header(headers)
        body = await bodies.read(receive, limit=settings.max_batch_bytes, encoding=headers.get(b"content-encoding"))
        async with self._turns.of(body):
            items = self._items(call, body)
        if sender is None:
            sender = await self._by_body(items)
        arrival = Arrival(sender, self._rt.now())
        async with self._turns.of(body):
            wrong = event_ingest.take(arrival, items, max_bytes=settings.max_event_bytes)
        # Sealed by now: the many requests that wait for their commit need not hold their words twice over.
        del body, items
        if wrong and headers.get(b"x-strict-mode") == b"1":
            faults = [
                Fault(f"/batch/{index}{fault.pointer}" if call in BATCH else fault.pointer, fault.code, fault.detail)
                for index, fault in wrong
            ]
            raise Refused("Nothing of this request was taken; see `errors` for each event.", faults=faults)
        if arrival.size:
            await self._commit.put(sender.workspace_id, arrival, arrival.size)
        return SUCCESS

    async def _by_header(self, headers: Headers) -> Sender | None:
        said = headers.get(b"authorization")
        if said is None:
            return None
        key = basic_user(said.decode("latin-1"))
        return await self._senders.by_key(key) if key else None

    async def _by_body(self, items: Items) -> Sender:
        places = [items.outer, *items.values]
        keys = (p.get("writeKey") for p in places if isinstance(p, dict))
        key = next((key for key in keys if isinstance(key, str) and key), None)
        if key is None:
            raise Unauthenticated("Send the source's write key as the user name of Basic auth, or as `writeKey`.")
        return await self._senders.by_key(key)

    def _items(self, call: str, body: bytes) -> Items:
        settings = self._rt.settings
        if call not in BATCH:
            return _single(call, body, settings.max_event_bytes)
        return split(body, key="batch", max_bytes=settings.max_batch_bytes, max_items=settings.max_batch_events)


def _single(call: str, body: bytes, limit: int) -> Items:
    """One event, whose type its path says."""
    value = parse(body, max_bytes=limit)
    if not isinstance(value, dict):
        fault = Fault("", "not_an_object", "An event is a JSON object.")
        raise Refused(fault.detail, code=fault.code, faults=[fault])
    if value.get("type") != call:
        value = {**value, "type": call}
        body = orjson.dumps(value)
    return Items([body], [value], {})


async def write(tx: Tx, arrivals: Sequence[Arrival], rt: Runtime) -> None:
    """One transaction's worth of arrivals."""
    await event_ingest.write(tx, arrivals, now=rt.now(), keyring=await keys.keyring(rt, tx))
