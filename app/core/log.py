"""Structured logs: one JSON object a line (or a readable line for a console), in UTC, on standard error.

`structlog.get_logger(__name__)` and the standard library's loggers (uvicorn, alembic, arq, asyncio) go the same way,
and both through app/core/redaction.py. uvicorn's access log is off: URLs may hold personal values; the API logs its
own lines by route. What nobody catches is logged too, instead of printed with its values.
"""

import contextlib
import logging
import os
import re
import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, BinaryIO, TypeAlias

import orjson
import structlog

from app.core.redaction import redact, template_of

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The request that this task works for; every line carries it."""

# Hexadecimal of the length of a trace id or a UUID: nothing in which a person could be named.
_REQUEST_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_QUIET = frozenset({"uvicorn.access"})
_SILENT = logging.CRITICAL + 1

EventDict: TypeAlias = dict[str, Any]


def new_request_id(given: str | None = None) -> str:
    """The id a caller gave, if it is a UUID or a trace id; else a fresh one."""
    return given if given and _REQUEST_ID.fullmatch(given) else os.urandom(16).hex()


class Output(logging.Handler):
    """The end of every line: structlog's through `write`, the standard library's through `emit`.

    A handler's lock is made new in a forked child. A full disk or a closed pipe loses the line, not the work.
    """

    def __init__(self, stream: BinaryIO, render: Callable[[EventDict], bytes]) -> None:
        super().__init__()
        self._stream = stream
        self._render = render

    def write(self, line: EventDict) -> None:
        raw = self._render(redact(_stamped(line)))
        assert self.lock is not None
        with self.lock, contextlib.suppress(OSError, ValueError):
            self._stream.write(raw + b"\n")
            self._stream.flush()

    def emit(self, record: logging.LogRecord) -> None:
        self.write(
            {
                "level": record.levelname.lower(),
                "logger": record.name,
                "event": template_of(record),
                "exc_info": record.exc_info,
            }
        )


class _Named:
    """What structlog writes to: the output, under the name of the module that logs."""

    def __init__(self, output: Output, name: str) -> None:
        self._output = output
        self._name = name

    def write(self, **line: Any) -> None:
        self._output.write({"logger": self._name, **line})

    debug = info = warning = error = critical = fatal = msg = write


def set_up(*, level: str = "INFO", form: str = "json", stream: BinaryIO | None = None) -> None:
    """Send every log line of this process through here. `level` as in logging; `form` is json or console."""
    number = logging.getLevelNamesMapping()[level.upper()]
    output = Output(stream or sys.stderr.buffer, _json if form == "json" else _console)
    structlog.configure(
        processors=[structlog.processors.add_log_level],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *names: _Named(output, str(names[0]) if names else "app"),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [output]
    # Libraries tell at DEBUG what they do with which values.
    root.setLevel(max(number, logging.INFO))
    for name in list(logging.Logger.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(_SILENT if name in _QUIET else logging.NOTSET)
    logging.captureWarnings(capture=True)
    _log_what_nobody_catches()


def _stamped(line: EventDict) -> EventDict:
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    stamped: EventDict = {"timestamp": now, **line}
    if (request := request_id.get()) is not None:
        stamped["request_id"] = request
    return stamped


def _json(line: EventDict) -> bytes:
    return orjson.dumps(line)


def _console(line: EventDict) -> bytes:
    head = f"{str(line.pop('timestamp'))[11:23]} {line.pop('level', ''):<8} {line.pop('event')}"
    error = line.pop("exception", None)
    text = " ".join([head, *(f"{name}={value}" for name, value in line.items())])
    if error is not None:
        text += "\n" + orjson.dumps(error, option=orjson.OPT_INDENT_2).decode()
    return text.encode()


def _log_what_nobody_catches() -> None:
    log = structlog.get_logger("uncaught")

    def main(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            log.critical("process_failed", exc_info=error)

    sys.excepthook = main
    threading.excepthook = lambda args: log.error("thread_failed", exc_info=args.exc_value)
    sys.unraisablehook = lambda args: log.error("error_ignored", exc_info=args.exc_value)
