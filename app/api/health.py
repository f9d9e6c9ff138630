"""`/livez`, `/readyz` and `/metrics`: for probes and scrapers, without a token and without a personal value."""

from datetime import timedelta

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.api.deps import Rt
from app.core.errors import Unavailable

router = APIRouter(tags=["operations"])


@router.get("/livez", response_class=PlainTextResponse, summary="Is the process alive?")
async def livez() -> str:
    """Answers as long as the process can answer at all."""
    return "ok"


@router.get("/readyz", response_class=PlainTextResponse, summary="Can writes be accepted?")
async def readyz(rt: Rt) -> str:
    """200 when a write can be accepted: the database answers, is migrated and is not read-only. Else 503."""
    async with rt.lobby() as tx:
        ready = await tx.conn.fetchval(
            "SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'"
            " AND to_regclass('ingest_queue') IS NOT NULL"
        )
    if not ready:
        raise Unavailable("The database takes no writes now.", retry_after=timedelta(seconds=1))
    return "ok"


@router.get("/metrics", response_class=Response, summary="Figures for Prometheus")
async def metrics() -> Response:
    """Counters and timings in the Prometheus text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
