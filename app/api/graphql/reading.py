"""One request's reading: its transaction, its look-ups batched into one, and pages of history and events."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any

from strawberry.dataloader import DataLoader

from app.api.deps import Principal
from app.api.graphql import types
from app.api.graphql.values import DateTime
from app.api.pages import cursor_of, position_of
from app.api.profiles import event_place, event_position, version_place
from app.core.crypto.keyring import Keyring
from app.core.errors import Refused
from app.core.runtime import Runtime
from app.core.sql import Tx
from app.domain import events, explain, history, keys, lookup
from app.domain.events import Event
from app.domain.history import Change
from app.domain.lookup import MAX_LOOKUPS, By, ById, ByIdentifier, ByRecord
from app.domain.profiles import Profile


class Found:
    """A profile as a resolver's source, with the id by which it was asked for."""

    __slots__ = ("asked_id", "profile")

    def __init__(self, profile: Profile, asked_id: int) -> None:
        self.profile = profile
        self.asked_id = asked_id


class Reading:
    """The context of one GraphQL request. Its transaction begins with its first look-up and ends with the request."""

    def __init__(self, rt: Runtime, who: Principal, *, proof: bool) -> None:
        self.rt = rt
        self.who = who
        self._proof = proof
        self._lock = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._tx: Tx | None = None
        self._loader: DataLoader[By, Profile | None] = DataLoader(load_fn=self._load, max_batch_size=MAX_LOOKUPS)

    async def __aenter__(self) -> "Reading":
        return self

    async def __aexit__(self, *failure: Any) -> None:
        await self._stack.__aexit__(*failure)

    async def many(self, wanted: Sequence[By | None]) -> list[Found | None]:
        """The profiles meant, in order. All look-ups of a request that are made together leave as one statement."""
        asked = [by for by in wanted if by is not None]
        if len(asked) > MAX_LOOKUPS:
            raise Refused(f"At most {MAX_LOOKUPS} look-ups at once.", code="too_many_lookups")
        found = iter(await self._loader.load_many(asked))
        answers: list[Found | None] = []
        for by in wanted:
            profile = next(found) if by is not None else None
            if profile is None:
                answers.append(None)
            else:
                answers.append(Found(profile, by.id if isinstance(by, ById) else profile.id))
        return answers

    async def at(self, found: Found, moment: datetime) -> Found | None:
        async with self._open() as (tx, keyring):
            then = await history.at(tx, keyring, found.asked_id, found.profile.id, moment)
        return None if then is None else Found(then, found.asked_id)

    async def at_version(self, found: Found, version: int) -> Found | None:
        async with self._open() as (tx, keyring):
            then = await history.version(tx, keyring, found.profile.id, version)
        return None if then is None else Found(then, found.asked_id)

    async def history(self, found: Found, first: int, after: str | None) -> types.VersionPage:
        id = found.profile.id
        before = version_place(position_of(f"versions/{id}", after))
        async with self._open() as (tx, keyring):
            changes, going_on = await history.page(tx, keyring, id, before=before, many=_first(first))
        cursor = None if going_on is None else cursor_of(f"versions/{id}", str(going_on))
        return types.VersionPage(items=[self._version(change) for change in changes], next_cursor=cursor)

    async def events(self, found: Found, first: int, after: str | None) -> types.EventPage:
        id = found.profile.id
        before = event_place(position_of(f"events/{id}", after))
        async with self._open() as (tx, keyring):
            some, going_on = await events.page(tx, keyring, id, before=before, many=_first(first))
        cursor = None if going_on is None else cursor_of(f"events/{id}", event_position(going_on))
        return types.EventPage(items=[_event(event) for event in some], next_cursor=cursor)

    async def explain(self, found: Found) -> types.Explanation:
        async with self._open() as (tx, keyring):
            explained = await explain.explain(tx, keyring, found.profile.id)
        return types.explanation(self.who.ids, explained)

    def by(self, given: types.ProfileBy) -> By | None:
        """What a ProfileBy means; None for an id that is none of this workspace."""
        if given.id is not None:
            number = self.who.ids.decode(str(given.id.value))
            return None if number is None else ById(number)
        if given.record is not None:
            return ByRecord(given.record.value.source, given.record.value.key)
        if given.identifier is not None:
            return ByIdentifier(given.identifier.value.namespace, given.identifier.value.value)
        for namespace in types.KINDS:
            held = getattr(given, namespace)
            if held is not None:
                return ByIdentifier(namespace, held.value)
        return None

    async def _load(self, wanted: list[By]) -> Sequence[Profile | None]:
        async with self._open() as (tx, keyring):
            return await lookup.lookup(tx, keyring, wanted, proof=self._proof)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[tuple[Tx, Keyring]]:
        """The request's transaction, one user at a time: a connection runs one statement at a time."""
        async with self._lock:
            if self._tx is None:
                self._tx = await self._stack.enter_async_context(self.rt.begin(self.who.workspace_id))
            yield self._tx, await keys.keyring(self.rt, self._tx)

    def _version(self, change: Change) -> types.Version:
        other = None if change.other_id is None else self.who.ids.encode(change.other_id)
        return types.Version(
            version=change.version,
            at=_instant(change.at),
            reason=change.reason,
            other_profile=other,  # type: ignore[arg-type]
            causes=[
                types.Cause(source=c.source, message_id=c.message_id, key=c.key, received_at=_instant(c.received_at))
                for c in change.causes
            ],
            traits=[types.TraitChange(name=name, old=old, new=new) for name, (old, new) in change.traits.items()],
            records_joined=types.records(change.joined),
            records_parted=types.records(change.parted),
            identifiers_gained=types.identifiers(change.gained),
            identifiers_lost=types.identifiers(change.lost),
        )


def _first(first: int) -> int:
    if not 1 <= first <= history.MAX_PAGE:
        raise Refused(f"`first` is a number from 1 to {history.MAX_PAGE}.", code="bad_first")
    return first


def _instant(moment: datetime) -> DateTime:
    return DateTime(moment.isoformat().replace("+00:00", "Z"))


def _event(event: Event) -> types.Event:
    return types.Event(
        message_id=event.message_id,
        type=event.type,
        name=event.name,
        occurred_at=_instant(event.occurred_at),
        received_at=_instant(event.received_at),
        source=event.source,
        properties=dict(event.properties),  # type: ignore[arg-type]
    )
