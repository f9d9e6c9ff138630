"""One SQLModel session a record, as the ORM's tutorial has it: load the objects, change them, commit.

The same tables and the same work as bench/rowwise.py.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Identity, or_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bench.rowwise import identifiers_of
from bench.workload import Saying


class SessionProfile(SQLModel, table=True):
    __tablename__ = "orm_profiles"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    version: int = 1
    traits: dict[str, Any] = Field(sa_column=Column(JSONB))


class SessionRecord(SQLModel, table=True):
    __tablename__ = "orm_records"

    key: str = Field(primary_key=True)
    profile_id: int = Field(sa_type=BigInteger, index=True)
    at: datetime = Field(sa_type=DateTime(timezone=True))
    traits: dict[str, Any] = Field(sa_column=Column(JSONB))


class SessionIdentifier(SQLModel, table=True):
    __tablename__ = "orm_identifiers"

    namespace: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    profile_id: int = Field(sa_type=BigInteger, index=True)


TABLES = (SessionProfile, SessionRecord, SessionIdentifier)


async def make(engine: AsyncEngine) -> None:
    tables = [SQLModel.metadata.tables[str(model.__tablename__)] for model in TABLES]
    async with engine.begin() as conn:
        await conn.run_sync(lambda sync: SQLModel.metadata.create_all(sync, tables=tables))


async def take(engine: AsyncEngine, sayings: Iterable[Saying]) -> None:
    for saying in sayings:
        async with AsyncSession(engine) as session:
            await _take_one(session, saying)
            await session.commit()


async def _take_one(session: AsyncSession, saying: Saying) -> None:
    wanted = identifiers_of(saying)
    same = [
        (col(SessionIdentifier.namespace) == namespace) & (col(SessionIdentifier.value) == value)
        for namespace, value in wanted
    ]
    held = list(await session.exec(select(SessionIdentifier).where(or_(*same))))
    record = await session.get(SessionRecord, saying.key)
    found = sorted({each.profile_id for each in held} | ({record.profile_id} if record else set()))
    profile = await _profile(session, found, saying)
    assert profile.id is not None, "flushed"
    if record is None:
        session.add(SessionRecord(key=saying.key, profile_id=profile.id, at=saying.at, traits=dict(saying.traits)))
    elif record.at <= saying.at:
        record.traits, record.at, record.profile_id = {**record.traits, **saying.traits}, saying.at, profile.id
    known = {(each.namespace, each.value): each for each in held}
    for namespace, value in wanted:
        if (namespace, value) in known:
            known[namespace, value].profile_id = profile.id
        else:
            session.add(SessionIdentifier(namespace=namespace, value=value, profile_id=profile.id))


async def _profile(session: AsyncSession, found: list[int], saying: Saying) -> SessionProfile:
    """The profile of these people, made or merged, with the newest traits."""
    if not found:
        made = SessionProfile(traits=dict(saying.traits))
        session.add(made)
        await session.flush()
        return made
    profile = await session.get_one(SessionProfile, found[0])
    for other_id in found[1:]:
        other = await session.get_one(SessionProfile, other_id)
        profile.traits = {**other.traits, **profile.traits}
        for model in (SessionRecord, SessionIdentifier):
            for each in await session.exec(select(model).where(col(model.profile_id) == other_id)):
                each.profile_id = found[0]
        await session.delete(other)
    newest = {**profile.traits, **saying.traits}
    if newest != profile.traits:
        profile.traits, profile.version = newest, profile.version + 1
    return profile
