"""The API: one FastAPI app, with the ingest edge in front of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app import __version__
from app.api import errors, health
from app.api.deps import Directory
from app.core.runtime import Runtime
from app.core.settings import Settings

ROUTERS = (health.router,)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    rt = await Runtime.open(app.state.settings)
    app.state.rt = rt
    app.state.directory = Directory(rt)
    try:
        yield
    finally:
        await rt.close()


def build(settings: Settings) -> FastAPI:
    """The app for these settings; its runtime opens with its lifespan."""
    app = FastAPI(
        title="Samewise",
        version=__version__,
        summary="Customer data platform for personalised email: exact merges, golden profiles.",
        lifespan=lifespan,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    app.state.settings = settings
    errors.install(app)
    for router in ROUTERS:
        app.include_router(router)
    return app


app = build(Settings())
