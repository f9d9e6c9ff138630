"""The doors of the hot paths: found by path alone, answered without a router."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from app.api.ingest.bodies import Receive
from app.api.ingest.events import BATCH, SINGLE, EventDoor
from app.api.ingest.records import RecordDoor

Headers = Mapping[bytes, bytes]
Answer = tuple[int, bytes]

RECORDS_HEAD, RECORDS_TAIL = "/v1/sources/", "/records"


@dataclass(frozen=True, slots=True)
class Door:
    """One hot path. `segment` says that its errors speak Segment's dialect of statuses."""

    name: str
    answer: Callable[[Headers, bytes, Receive], Awaitable[Answer]]
    segment: bool = False


class Doors:
    """Every hot path of the API."""

    def __init__(self, events: EventDoor, records: RecordDoor) -> None:
        self._records = records
        self._calls = {f"/v1/{call}": self._event_door(events, call) for call in SINGLE | BATCH}

    def find(self, path: str) -> Door | None:
        """The door of a path, or None where the path is not hot."""
        found = self._calls.get(path.rstrip("/") if path.endswith("/") else path)
        if found is None and path.startswith(RECORDS_HEAD) and path.endswith(RECORDS_TAIL):
            source = path[len(RECORDS_HEAD) : -len(RECORDS_TAIL)]
            if source and "/" not in source:
                return self._record_door(source)
        return found

    def _event_door(self, events: EventDoor, call: str) -> Door:
        async def answer(headers: Headers, _query: bytes, receive: Receive) -> Answer:
            return 200, await events.answer(call, headers, receive)

        return Door(call, answer, segment=True)

    def _record_door(self, source: str) -> Door:
        async def answer(headers: Headers, query: bytes, receive: Receive) -> Answer:
            return await self._records.answer(source, headers, query, receive)

        return Door("records", answer)
