"""`/livez`, `/readyz` and `/metrics`: for probes and scrapers, without a token and without a personal value."""

from datetime import timedelta

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from app.api.deps import Rt
from app.core import metrics
from app.core.errors import Unavailable
from app.domain import workspaces

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
async def scrape(rt: Rt) -> Response:
    """Counters and timings of all processes, and how much waits in all workspaces together, in Prometheus' text format.

    Nothing of any one workspace: this needs no token.
    """
    async with rt.lobby() as lobby:
        backlogs = await workspaces.backlogs(lobby, cap=rt.settings.max_backlog)
    oldest = min((each.oldest for each in backlogs if each.oldest is not None), default=None)
    age = 0.0 if oldest is None else max(0.0, (rt.now() - oldest).total_seconds())
    lines = (
        "# HELP samewise_backlog_messages Accepted messages that wait for the pipeline",
        "# TYPE samewise_backlog_messages gauge",
        f"samewise_backlog_messages {sum(each.waiting for each in backlogs)}",
        "# HELP samewise_backlog_seconds Age of the oldest message that waits",
        "# TYPE samewise_backlog_seconds gauge",
        f"samewise_backlog_seconds {age:.3f}",
        "",
    )
    return Response(metrics.exposition() + "\n".join(lines).encode(), media_type=CONTENT_TYPE_LATEST)
