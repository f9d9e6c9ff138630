"""Factories: a tenant with sources, traits and a policy, the messages that its sources send, and time that passes."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from app.core.crypto.keyring import Keyring
from app.core.runtime import Runtime
from app.core.sql import statement
from app.domain import ingest_log, keys, policies, sources, workspaces
from app.domain.catalog import Trait
from app.domain.deliveries import Kind
from app.domain.pipeline import STEPS
from app.domain.pipeline.run import Step
from app.domain.sources import Source
from app.domain.workspaces import Workspace
from app.identity.policy import Policy
from app.workers.process import Processor

DAWN = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
"""Minute 0 of every test's history."""
RECEIVED = DAWN + timedelta(hours=1)

_numbers = itertools.count(1)
_leases = itertools.count(1_000_000)


def minute(number: float) -> datetime:
    return DAWN + timedelta(minutes=number)


@dataclass(frozen=True, slots=True)
class Message:
    """What one source sends: a record of a record ingest, or an event of the Segment specification."""

    source: str
    kind: Kind
    said: Mapping[str, Any]
    received_at: datetime = RECEIVED
    id: str = field(default_factory=lambda: f"m{next(_numbers)}")


def record(
    key: str,
    traits: Mapping[str, Any] | None = None,
    identifiers: Iterable[tuple[str, Any]] | None = None,
    *,
    source: str = "crm",
    at: float | None = 0,
    deleted: bool = False,
    **given: Any,
) -> Message:
    """A source record as it stood at a minute of the history; `at=None` leaves its time to its receipt."""
    said: dict[str, Any] = {"key": key, "traits": dict(traits or {})}
    if identifiers is not None:
        said["identifiers"] = [{"namespace": namespace, "value": value} for namespace, value in identifiers]
    if at is not None:
        said["observed_at"] = minute(at).isoformat()
    if deleted:
        said["deleted"] = True
    return Message(source, Kind.RECORD, said, **given)


def event(type: str = "track", *, source: str = "web", at: float | None = 0, **said: Any) -> Message:
    """A call of the Segment specification; fields by their names there (`userId`, `traits`, ...)."""
    given = {name: said.pop(name) for name in ("received_at", "id") if name in said}
    body: dict[str, Any] = {"type": type, **({"event": "Looked"} if type == "track" else {}), **said}
    if at is not None:
        body["timestamp"] = minute(at).isoformat()
    return Message(source, Kind.EVENT, body, **given)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A workspace of one's own with its sources, and the hands that its messages go through."""

    rt: Runtime
    workspace: Workspace
    keyring: Keyring
    sources: Mapping[str, Source]
    policy: Policy

    @property
    def id(self) -> int:
        return self.workspace.id

    async def append(self, messages: Sequence[Message]) -> dict[str, int]:
        """Put messages into the log; return the log id of each one that was news."""
        sealed = {
            message.id: ingest_log.seal(
                self.keyring,
                message.id,
                self.sources[message.source].id,
                message.kind,
                orjson.dumps({"message": message.said}),
                message.received_at,
            )
            for message in messages
        }
        async with self.rt.begin(self.id) as tx:
            new = await ingest_log.append(tx, list(sealed.values()))
        return {id: new[held.token] for id, held in sealed.items() if held.token in new}

    def processor(self, *, steps: Sequence[tuple[str, Step]] = STEPS, **settings: Any) -> Processor:
        return Processor(with_settings(self.rt, **settings), next(_leases), steps=steps)

    async def take(self, messages: Sequence[Message], **settings: Any) -> dict[str, int]:
        """Append messages and work until none waits."""
        appended = await self.append(messages)
        await self.processor(**settings).drain(self.id)
        return appended

    async def rows(self, sql: str, **given: Any) -> list[Mapping[str, Any]]:
        """Run a statement of the test's own."""
        asked = statement(sql)
        async with self.rt.begin(self.id) as tx:
            return [dict(row) for row in await tx.conn.fetch(asked.sql, *asked.arguments(tx, given))]

    async def let_leases_end(self) -> None:
        """What happens to every lease in time, at once."""
        await self.rows("UPDATE ingest_queue SET leased_until = now() - interval '1 second'")


def with_settings(rt: Runtime, **changes: Any) -> Runtime:
    """The same connections and keys under other settings."""
    other = copy(rt)
    other.settings = rt.settings.model_copy(update=changes)
    return other


async def tenant(
    rt: Runtime,
    *,
    policy: Policy | None = None,
    priorities: Mapping[str, int] | None = None,
    traits: Sequence[Trait] = (),
) -> Tenant:
    """A fresh workspace with sources of these priorities, these traits defined and this policy in force."""
    async with rt.lobby() as lobby:
        fresh = await workspaces.next_id(lobby)
    async with rt.begin(fresh) as tx:
        workspace = await workspaces.create(tx, f"w{fresh}", rt.key_service, now=rt.now())
        made = {
            name: await sources.create(tx, name, now=rt.now(), priority=priority)
            for name, priority in (priorities or {"crm": 10, "shop": 5, "web": 0}).items()
        }
        for trait in traits:
            await tx.conn.execute(
                "INSERT INTO traits (workspace_id, name, type, class, rule, origin, description, created_at) "
                "VALUES ($1, $2, $3, $4, $5, 'defined', '', now())",
                fresh, trait.name, trait.type, trait.class_, trait.rule,
            )  # fmt: skip
        keyring = await keys.load(rt.key_service, tx)
        if policy is not None:
            await policies.store(tx, keyring, 2, policy, now=rt.now())
        return Tenant(rt, workspace, keyring, made, policy or Policy())
