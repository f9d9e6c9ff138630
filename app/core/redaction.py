"""What may stand in a log line: names, numbers and places in the code; never a value that someone sent.

* An event is a name of ours, or a literal in the code that logged it. A text that was put together is withheld.
* Fields are from a list. Their values are numbers, or words without spaces, `@` and the like.
* An exception is its type, its code and where it was raised. Messages are kept of our own errors only: asyncpg's carry
  the row (`DETAIL: Key (email)=(...)`), httpx's the URL, ValueError's the value.
"""

import re
import sys
import traceback
from datetime import date, timedelta
from enum import Enum
from inspect import currentframe
from logging import LogRecord
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from app.core.errors import CdpError

FIELDS: Final = frozenset(
    """
    accepted action attempt attempts audience backlog batch batch_id batches bytes client_id code component
    connection connection_id count cursor delay destination destination_id discarded duplicates duration_ms endpoint
    entity error errors event_type failed fate form format from_version function host import_id incident job job_id
    key_id kind lag_ms lease lease_id limit lines log_id loop merged method migration mode name namespace
    new_version operation outcome pending phase pid pool port process processed profiles purpose queue reason
    records rejected remaining remedy request_id retry_after role route rows run_id scope seconds signal size
    skipped source source_id stage state status step steps stream succeeded suppressed sweep sync_id table task
    timeout to_version topic total trace_id updated version view waiting worker workspace workspace_id
    """.split()
)
"""The fields a line may have. Add a name here when its values can never be personal."""

WITHHELD: Final = "withheld"
MAX_WORD: Final = 120
MAX_FRAMES: Final = 12
MAX_CHAIN: Final = 4

_EVENT = re.compile(r"[a-z][a-z0-9_.]{0,63}")
_WORD = re.compile(r"[\w.:/{}<>\[\],*+=-]*", re.ASCII)
_CODE = re.compile(r"[\w.-]{1,64}", re.ASCII)
_ROOT = Path(__file__).parents[2]
_META = ("timestamp", "level", "logger")


class Template(str):
    """A message of another library's before anything was put into it."""

    __slots__ = ()


def redact(line: dict[str, Any]) -> dict[str, Any]:
    """The line with what may be in it. Names of fields that were dropped are listed."""
    safe: dict[str, Any] = {name: line.pop(name) for name in _META if name in line}
    event = line.pop("event", None)
    named = isinstance(event, str) and (isinstance(event, Template) or _EVENT.fullmatch(event))
    safe["event"] = event if named else WITHHELD
    if (failure := _failure(line.pop("exc_info", None))) is not None:
        safe["exception"] = described(failure)
    line.pop("stack_info", None)
    dropped = []
    for name, value in line.items():
        if name in FIELDS:
            safe[name] = _value(value)
        else:
            dropped.append(name)
    if dropped:
        safe[WITHHELD] = sorted(map(str, dropped))
    return safe


def described(error: BaseException, depth: int = 0) -> dict[str, Any]:
    """An exception without what it says: type, code, places, and the same of what caused it."""
    told: dict[str, Any] = {"type": f"{type(error).__module__}.{type(error).__qualname__}"}
    if isinstance(error, CdpError):
        told["message"] = str(error)
    for attribute in ("code", "sqlstate", "constraint_name", "errno"):
        value = getattr(error, attribute, None)
        if type(value) is int or (isinstance(value, str) and _CODE.fullmatch(value)):
            told[attribute] = value
    told["frames"] = _frames(error)
    if depth < MAX_CHAIN:
        if isinstance(error, BaseExceptionGroup):
            told["within"] = [described(each, depth + 1) for each in error.exceptions[:MAX_CHAIN]]
        if (cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__)) is not None:
            told["cause"] = described(cause, depth + 1)
    return told


def template_of(record: LogRecord) -> str:
    """A record's message before anything is put into it, if it is a literal in the function that logged it.

    Called while that function is still on the stack. A text that was put together is no literal, and is withheld.
    """
    frame = currentframe()
    while frame is not None:
        code = frame.f_code
        if code.co_filename == record.pathname and code.co_name == record.funcName:
            return Template(record.msg) if isinstance(record.msg, str) and record.msg in code.co_consts else WITHHELD
        frame = frame.f_back
    return WITHHELD


def _failure(exc_info: object) -> BaseException | None:
    """The exception of structlog's and logging's `exc_info`: itself, a triple, or the one being handled."""
    if exc_info is True:
        exc_info = sys.exc_info()
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1]
    return exc_info if isinstance(exc_info, BaseException) else None


def _frames(error: BaseException) -> list[str]:
    """Our own frames, innermost last, and the innermost of all: `app/core/log.py:12 in set_up`."""
    walked = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    ours = [(code, line) for code, line in walked[:-1] if _is_ours(code.co_filename)] + walked[-1:]
    return [f"{_place(code.co_filename)}:{line} in {code.co_name}" for code, line in ours[-MAX_FRAMES:]]


def _is_ours(file: str) -> bool:
    return Path(file).is_relative_to(_ROOT) and "site-packages" not in file


def _place(file: str) -> str:
    """The file's name from the house's or the package's root; nothing of the machine it stands on."""
    if _is_ours(file):
        return Path(file).relative_to(_ROOT).as_posix()
    return "/".join(Path(file).parts[-2:])


def _value(value: object) -> object:
    match value:
        case None | bool() | int() | float():
            return value
        case Enum():
            return _value(value.value)
        case UUID():
            return str(value)
        case date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case BaseException():
            return described(value)
        case type():
            return value.__name__
        case str() if len(value) <= MAX_WORD and _WORD.fullmatch(value):
            return value
        case list() | tuple() | set() | frozenset() if len(value) <= MAX_FRAMES:
            return [_value(each) for each in value]
        case _:
            return WITHHELD
