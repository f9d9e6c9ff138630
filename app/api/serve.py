"""The API process: `python -m app.api.serve`."""

import uvicorn

from app.core import log
from app.core.settings import Settings

KEEP_ALIVE = 65
"""Seconds: longer than the idle time of usual load balancers, so that they close first."""


def main() -> None:
    settings = Settings()
    log.set_up(level=settings.log_level, form=settings.log_format)
    uvicorn.run(
        "app.api.main:app",
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=20,
    )


if __name__ == "__main__":
    main()
