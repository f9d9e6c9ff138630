"""The naive endpoint: FastAPI, a pydantic model, a SQLModel row, one session and one commit a request. Nothing sealed.

What a tutorial would write; `python -m bench.naive PORT` serves it with the same
uvicorn as ours. The database's URL is in BENCH_DATABASE_URL.
"""

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from pydantic import Field as Given
from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

DATABASE = "BENCH_DATABASE_URL"


class NaiveEvent(SQLModel, table=True):
    """One event as it came."""

    __tablename__ = "naive_events"

    message_id: str = Field(primary_key=True)
    type: str
    user_id: str | None = None
    received_at: str
    body: dict[str, Any] = Field(sa_column=Column(JSONB))


class Event(BaseModel):
    """An event of the Segment specification, as far as an endpoint has to know it."""

    message_id: str = Given(alias="messageId", max_length=255)
    type: str
    user_id: str | None = Given(None, alias="userId")
    anonymous_id: str | None = Given(None, alias="anonymousId")
    event: str | None = None
    timestamp: datetime | None = None
    properties: dict[str, Any] = {}
    context: dict[str, Any] = {}


class Events(BaseModel):
    batch: list[Event]


def engine() -> AsyncEngine:
    return create_async_engine(alchemy_url(os.environ[DATABASE]), pool_size=10)


def alchemy_url(database_url: str) -> str:
    return database_url.replace("postgresql://", "postgresql+asyncpg://", 1)


def row(event: Event) -> NaiveEvent:
    return NaiveEvent(
        message_id=event.message_id,
        type=event.type,
        user_id=event.user_id,
        received_at=datetime.now(UTC).isoformat(),
        body=event.model_dump(mode="json", by_alias=True),
    )


def build() -> FastAPI:
    held = engine()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with held.begin() as conn:
            await conn.run_sync(lambda sync: SQLModel.metadata.tables["naive_events"].create(sync, checkfirst=True))
        yield
        await held.dispose()

    api = FastAPI(lifespan=lifespan)

    @api.post("/track")
    async def track(event: Event) -> Mapping[str, bool]:
        async with AsyncSession(held) as session:
            session.add(row(event))
            await session.commit()
        return {"success": True}

    @api.post("/batch")
    async def batch(events: Events) -> Mapping[str, bool]:
        async with AsyncSession(held) as session:
            session.add_all([row(event) for event in events.batch])
            await session.commit()
        return {"success": True}

    @api.get("/readyz")
    async def ready() -> str:
        return "ok"

    return api


def main() -> None:
    uvicorn.run(build(), host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
