"""The API: one FastAPI app behind the edge that owns the hot paths."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from app import __version__
from app.api import (
    alerts,
    decisions,
    errors,
    explain,
    health,
    imports,
    ingest_docs,
    merging,
    messages,
    models,
    openapi,
    policy,
    profiles,
    quarantine,
    reviews,
    sources,
    traits,
)
from app.api.deps import Directory
from app.api.edge import Edge
from app.api.graphql import http as graphql
from app.api.graphql.execution import Schemas
from app.api.ingest import events, records
from app.api.ingest.commit import GroupCommit
from app.api.ingest.doors import Doors
from app.api.ingest.events import EventDoor
from app.api.ingest.records import Delivered, RecordDoor
from app.api.ingest.senders import Senders
from app.api.ingest.turns import Turns
from app.core.doorbell import Doorbell
from app.core.garbage import collect_seldom
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.core.sql import Tx
from app.domain.event_ingest import Arrival

ROUTERS = (
    ingest_docs.router,
    imports.router,
    messages.router,
    profiles.router,
    explain.router,
    merging.router,
    reviews.router,
    alerts.router,
    decisions.router,
    traits.router,
    graphql.router,
    sources.router,
    policy.router,
    models.router,
    quarantine.router,
    health.router,
)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the runtime, serve, and let what is under way end before everything closes."""
    rt = await Runtime.open(app.state.settings)
    assert rt.gate.keys, "an API without token keys fails here, not at the first request"
    collect_seldom()
    doorbell = Doorbell(rt.settings.redis_url)
    directory = Directory(rt)
    turns = Turns()

    async def write_events(tx: Tx, arrivals: Sequence[Arrival]) -> None:
        await events.write(tx, arrivals, rt)

    async def write_records(tx: Tx, parts: Sequence[Delivered]) -> None:
        await records.write(tx, parts, rt)

    event_commit = GroupCommit(rt, doorbell, write_events)
    record_commit = GroupCommit(rt, doorbell, write_records)
    app.state.rt = rt
    app.state.directory = directory
    app.state.schemas = Schemas(rt)
    app.state.doorbell = doorbell
    app.state.doors = Doors(
        EventDoor(rt, Senders(rt, directory), event_commit, turns), RecordDoor(rt, directory, record_commit, turns)
    )
    try:
        yield
    finally:
        await event_commit.close()
        await record_commit.close()
        await doorbell.close()
        await rt.close()


def build(settings: Settings) -> FastAPI:
    """The FastAPI app for these settings; its runtime opens with its lifespan."""
    api = FastAPIOffline(
        title="Samewise",
        version=__version__,
        summary="Customer data platform for personalised email: exact merges, golden profiles.",
        lifespan=lifespan,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url="/docs",
        redoc_url=None,
    )
    api.state.settings = settings
    api.state.doors = None
    errors.install(api)
    for router in ROUTERS:
        api.include_router(router)
    openapi.install(api)
    return api


def edged(api: FastAPI) -> Edge:
    """The app as it is served."""
    return Edge(api, lambda: api.state.doors)


app = edged(build(Settings()))
