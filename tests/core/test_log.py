"""Log lines: structured, of one request, and never with a value that someone sent."""

import asyncio
import io
import json
import logging
import logging.config
import os
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import structlog

from app.core.errors import Fault, Refused, Unavailable
from app.core.log import new_request_id, request_id, set_up

CANARY = "ada@example.com"
log = structlog.get_logger("app.here")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Every test sets the process's logging up; afterwards pytest has its own again."""
    root = logging.getLogger()
    kept = root.handlers[:], root.level, sys.excepthook, threading.excepthook, sys.unraisablehook
    yield
    root.handlers[:], root.level, sys.excepthook, threading.excepthook, sys.unraisablehook = kept
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def out() -> io.BytesIO:
    stream = io.BytesIO()
    set_up(stream=stream)
    return stream


def lines(out: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def last(out: io.BytesIO) -> dict[str, Any]:
    return lines(out)[-1]


def test_a_line_says_when_what_and_where(out: io.BytesIO) -> None:
    before = datetime.now(UTC)
    log.info("batch_merged", records=3, workspace_id=7, duration_ms=1.5)
    line = last(out)
    assert line | {"timestamp": ""} == {
        "timestamp": "",
        "level": "info",
        "logger": "app.here",
        "event": "batch_merged",
        "records": 3,
        "workspace_id": 7,
        "duration_ms": 1.5,
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["timestamp"])
    assert before <= datetime.fromisoformat(line["timestamp"]) <= datetime.now(UTC)


async def test_tasks_carry_the_id_of_their_own_request(out: io.BytesIO) -> None:
    async def serve(number: int) -> None:
        request_id.set(f"{number:032x}")
        await asyncio.sleep(0)
        log.info("served", count=number)
        logging.getLogger("lib").warning("slow %s", number)

    await asyncio.gather(*(serve(number) for number in range(5)))
    log.info("idle")
    *served, idle = lines(out)
    assert len(served) == 10
    assert all(line["request_id"] == f"{line['count']:032x}" for line in served if "count" in line)
    assert sorted(line["request_id"] for line in served) == sorted(f"{n:032x}" for n in [*range(5), *range(5)])
    assert "request_id" not in idle


@pytest.mark.parametrize("given", [CANARY, "46701234567", "Ada Lovelace", "", None, "a" * 33, "A" * 32])
def test_a_caller_cannot_put_a_person_into_the_request_id(given: str | None) -> None:
    fresh = new_request_id(given)
    assert fresh != given
    assert new_request_id(fresh) == fresh
    assert new_request_id(str(UUID(int=7))) == str(UUID(int=7))


def test_fields_that_are_not_on_the_list_are_dropped_and_named(out: io.BytesIO) -> None:
    log.info("merged", email=CANARY, traits={"name": "Ada"}, records=1)
    line = last(out)
    assert line["withheld"] == ["email", "traits"]
    assert line["records"] == 1
    assert "Ada" not in out.getvalue().decode()


@pytest.mark.parametrize(
    "value",
    [CANARY, "Ada Lovelace", f"Key (email)=({CANARY})", "a" * 121, {"email": CANARY}, CANARY.encode(), object(), "ädä"],
)
def test_a_value_that_is_no_plain_word_is_withheld(out: io.BytesIO, value: object) -> None:
    log.info("merged", code=value, reason=[value, "stale"])
    assert last(out)["code"] == "withheld"
    assert last(out)["reason"] == ["withheld", "stale"]


def test_plain_values_come_through(out: io.BytesIO) -> None:
    log.info("merged", code="no_batch", route="/v1/profiles/{id}", seconds=timedelta(seconds=2), error=ValueError)
    line = last(out)
    assert (line["code"], line["route"], line["seconds"]) == ("no_batch", "/v1/profiles/{id}", 2.0)
    assert line["error"] == "ValueError"


def test_an_event_is_a_name_and_not_a_sentence_with_a_value(out: io.BytesIO) -> None:
    log.info(f"merged {CANARY}")
    log.info("merged %s", CANARY)
    log.info(CANARY)
    assert [line["event"] for line in lines(out)] == ["withheld"] * 3
    assert CANARY not in out.getvalue().decode()


def parse_a_row() -> None:
    raise ValueError(f"bad row for {CANARY}")


def test_an_exception_keeps_its_type_and_places_and_loses_what_it_says(out: io.BytesIO) -> None:
    try:
        try:
            parse_a_row()
        except ValueError as bad:
            raise Unavailable("The warehouse does not answer.") from bad
    except Unavailable as error:
        log.exception("load_failed")
        log.warning("load_failed", error=error)
    by_log, by_field = lines(out)
    told = by_log["exception"]
    assert told == by_field["error"]
    assert told["type"] == "app.core.errors.Unavailable"
    assert told["message"] == "The warehouse does not answer."
    assert told["code"] == "unavailable"
    cause = told["cause"]
    assert cause["type"] == "builtins.ValueError"
    places = [re.sub(r":\d+ in ", ":", frame) for frame in cause["frames"]]
    assert places == [
        "tests/core/test_log.py:test_an_exception_keeps_its_type_and_places_and_loses_what_it_says",
        "tests/core/test_log.py:parse_a_row",
    ]
    assert "message" not in cause
    assert CANARY not in out.getvalue().decode()


def database_error() -> asyncpg.PostgresError:
    detail = f"Key (email)=({CANARY}) already exists."
    fields = {"C": "23505", "M": f"duplicate key {CANARY}", "D": detail, "n": "profile_pkey", "S": "ERROR"}
    return asyncpg.PostgresError.new(fields, query=f"INSERT INTO t VALUES ('{CANARY}')")


def test_a_database_error_keeps_its_code_and_loses_its_row(out: io.BytesIO) -> None:
    error = database_error()
    assert CANARY in str(error)
    log.error("batch_failed", exc_info=error)
    told = last(out)["exception"]
    assert told["type"] == "asyncpg.exceptions.UniqueViolationError"
    assert (told["sqlstate"], told["constraint_name"]) == ("23505", "profile_pkey")
    assert CANARY not in out.getvalue().decode()


def test_of_other_people_s_code_only_the_place_that_raised_is_told(out: io.BytesIO) -> None:
    try:
        json.loads(f'{{"{CANARY}"')
    except ValueError:
        log.exception("load_failed")
    frames = last(out)["exception"]["frames"]
    assert [frame.partition(":")[0] for frame in frames] == ["tests/core/test_log.py", "json/decoder.py"]
    assert CANARY not in out.getvalue().decode()


def test_groups_and_chains_are_told_without_their_words_and_end_somewhere(out: io.BytesIO) -> None:
    error: Exception = ExceptionGroup(CANARY, [database_error(), KeyError(CANARY), OSError(28, CANARY)])
    for _ in range(50):
        wrapped = RuntimeError(CANARY)
        wrapped.__cause__ = error
        error = wrapped
    log.error("batch_failed", exc_info=ExceptionGroup(CANARY, [database_error(), OSError(28, CANARY)]))
    log.error("batch_failed", exc_info=error)
    group, chain = lines(out)
    assert [each.get("errno") or each["sqlstate"] for each in group["exception"]["within"]] == ["23505", 28]
    assert len(json.dumps(chain)) < 2000
    assert CANARY not in out.getvalue().decode()


def test_faults_and_odd_codes_do_not_come_along(out: io.BytesIO) -> None:
    class Odd(Exception):
        code = f"code of {CANARY}"
        errno = (CANARY,)

    refused = Refused("Send less.", faults=[Fault("/a", "too_long", CANARY)])
    log.error("refused", exc_info=Odd(CANARY))
    log.error("refused", exc_info=refused)
    assert CANARY not in out.getvalue().decode()
    assert last(out)["exception"]["message"] == "Send less."


def test_other_libraries_literals_are_shown_and_their_values_are_not(out: io.BytesIO) -> None:
    arq, alembic = logging.getLogger("arq.worker"), logging.getLogger("alembic.runtime")
    arq.info("%6.2fs → %s(%s)", 0.1, "process", CANARY)
    alembic.info("Running upgrade")
    arq.warning(f"job {CANARY} failed")
    arq.error(CANARY)
    arq.error(ValueError(CANARY))
    arq.info(f"{CANARY} %s", 1)
    assert [line["event"] for line in lines(out)] == ["%6.2fs → %s(%s)", "Running upgrade", *["withheld"] * 4]
    assert [line["logger"] for line in lines(out)][:2] == ["arq.worker", "alembic.runtime"]
    assert CANARY not in out.getvalue().decode()


async def test_what_asyncio_says_of_a_lost_task_holds_no_value(out: io.BytesIO) -> None:
    async def fail() -> None:
        raise ValueError(CANARY)

    loop = asyncio.get_running_loop()
    loop.call_exception_handler({"message": f"lost {CANARY}", "exception": ValueError(CANARY)})
    assert last(out)["logger"] == "asyncio"
    assert last(out)["exception"]["type"] == "builtins.ValueError"
    assert CANARY not in out.getvalue().decode()


def test_uvicorn_s_access_log_is_off_even_if_uvicorn_set_it_up(out: io.BytesIO) -> None:
    from uvicorn.config import LOGGING_CONFIG

    printed = io.StringIO()
    logging.config.dictConfig(LOGGING_CONFIG)
    for handler in logging.getLogger("uvicorn").handlers + logging.getLogger("uvicorn.access").handlers:
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(printed)
    set_up(stream=out)
    access = logging.getLogger("uvicorn.access")
    access.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1", "GET", f"/v1/personalize/x?email={CANARY}", "1.1", 200)
    logging.getLogger("uvicorn.error").info("Application startup complete.")
    assert [line["event"] for line in lines(out)] == ["Application startup complete."]
    assert printed.getvalue() == ""


def test_libraries_do_not_chatter_even_when_we_debug() -> None:
    out = io.BytesIO()
    set_up(level="DEBUG", stream=out)
    logging.getLogger("arq.worker").debug("secret things")
    log.debug("looked_up")
    assert [line["event"] for line in lines(out)] == ["looked_up"]


def test_below_the_level_nothing_is_written() -> None:
    out = io.BytesIO()
    set_up(level="warning", stream=out)
    log.info("looked_up")
    logging.getLogger("alembic").info("upgrade")
    log.warning("slow")
    assert [line["event"] for line in lines(out)] == ["slow"]


def test_warnings_are_lines_too(out: io.BytesIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn(f"odd {CANARY}", UserWarning, stacklevel=1)
    assert last(out)["logger"] == "py.warnings"
    assert CANARY not in out.getvalue().decode()


def test_what_a_thread_or_the_process_does_not_catch_is_logged_and_not_printed() -> None:
    program = f"""
import sys, threading
from app.core.log import set_up
set_up()
class Odd:
    def __del__(self):
        raise ValueError({CANARY!r})
thread = threading.Thread(target=lambda: int({CANARY!r}))
thread.start(); thread.join()
Odd()
raise KeyError({CANARY!r})
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, env={**os.environ})
    assert done.returncode == 1
    events = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert events == ["thread_failed", "error_ignored", "process_failed"]
    assert CANARY.encode() not in done.stderr + done.stdout


def test_a_full_disk_or_a_closed_pipe_loses_the_line_and_not_the_work() -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        set_up(stream=full)
        log.error("merged")
        logging.getLogger("lib").error("merged")
    log.error("merged")


def test_a_console_gets_one_readable_line() -> None:
    out = io.BytesIO()
    set_up(form="console", stream=out)
    log.info("merged", records=3, email=CANARY)
    line = out.getvalue().decode()
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d\.\d{3} info     merged logger=app\.here records=3 withheld=\['email'\]\n", line
    )
    log.error("failed", exc_info=ValueError(CANARY))
    assert "builtins.ValueError" in out.getvalue().decode()
    assert CANARY not in out.getvalue().decode()
