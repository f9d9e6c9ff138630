"""A workspace in which somebody decides who is who."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain import decide
from app.domain.contention import retried
from app.domain.decide import Ruling
from app.domain.decisions import Verdict
from app.domain.lookup import ByRecord
from app.domain.profiles import Profile, RecordName
from tests.domain.story import Story

MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)


class Office(Story):
    """A workspace in which somebody decides."""

    async def person(self, key: str, *, source: str = "crm", day: int = 0, **traits: Any) -> None:
        await self.record(key, traits, source=source, at=MONDAY + timedelta(days=day))

    async def decide(self, verdict: Verdict, a: str, b: str, *, by: str = "ann", reason: str | None = None) -> Ruling:
        async def once() -> Ruling:
            async with self.rt.begin(self.workspace.id) as tx:
                said: dict[str, Any] = {"by": by, "now": self.rt.now(), "reason": reason}
                return await decide.decide(tx, self.keyring, verdict, named(a), named(b), **said)

        return await retried(once)

    async def merge(self, one: int, other: int, *, seen: int | None = None) -> Ruling:
        async with self.rt.begin(self.workspace.id) as tx:
            said: dict[str, Any] = {"by": "ann", "now": self.rt.now(), "versions": seen and frozenset((seen,))}
            return await decide.merge(tx, self.keyring, one, other, **said)

    async def split(self, id: int, *records: str, seen: int | None = None) -> Ruling:
        async with self.rt.begin(self.workspace.id) as tx:
            said: dict[str, Any] = {"by": "ann", "now": self.rt.now(), "versions": seen and frozenset((seen,))}
            return await decide.split(tx, self.keyring, id, [named(each) for each in records], **said)

    async def revoke(self, id: int, *, whole: bool = False) -> Ruling:
        async with self.rt.begin(self.workspace.id) as tx:
            return await decide.revoke(tx, self.keyring, id, by="bob", now=self.rt.now(), whole=whole)

    async def of(self, record: str) -> Profile:
        name = named(record)
        return await self.one(ByRecord(name.source, name.key))

    async def together(self, *records: str) -> bool:
        return len({(await self.of(each)).id for each in records}) == 1


def named(record: str) -> RecordName:
    source, _, key = record.partition("/")
    return RecordName(source, key)


def said(profile: Profile) -> Profile:
    """What a profile says, whatever number its version has and whenever it was made."""
    return replace(profile, version=0, updated_at=MONDAY)
