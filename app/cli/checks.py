"""What `cdp doctor` looks at: each check answers with what it found and, where something is wrong, what to do."""

import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import asyncpg

from app.core.crypto.keyservice import KeyFile
from app.core.errors import CdpError
from app.core.runtime import DATABASE_AWAY, SESSION
from app.core.settings import APP_ROLE, Settings
from app.core.tokens.keys import SigningKeys
from app.workers.roster import CLASS

OLDEST_VERSION = 15
QUEUE_SECONDS = 60.0
"""How long the oldest message may wait before the queue counts as standing still."""

CLOCK_SECONDS = 5.0
LOW_BYTES = 1 << 30
SCARCE_BYTES = 5 << 30
TIMEOUT = 5.0
DATABASE_ADVICE = "Start it with ./run, or set CDP_DATABASE_URL to one that runs."


class Mark(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's answer. `advice` says what to do; empty where nothing is to be done."""

    check: str
    mark: Mark
    found: str
    advice: str = ""


DatabaseCheck = Callable[[asyncpg.Connection], Awaitable[Finding]]


def keys(settings: Settings) -> list[Finding]:
    """Both kinds of keys are there, whole, and readable by their owner only."""

    def root() -> Path:
        return KeyFile(settings.key_path).path

    def token() -> Path:
        return SigningKeys.open(settings.token_keys_path, now=datetime.now(UTC), create=False).folder

    return [_usable("root keys", root), _usable("token keys", token)]


def _usable(check: str, look: Callable[[], Path]) -> Finding:
    try:
        return Finding(check, Mark.OK, f"{look()}, mode 0600")
    except (CdpError, OSError) as wrong:
        return Finding(check, Mark.FAILED, "not usable", str(wrong))


def disk(data_dir: Path) -> Finding:
    held = next(place for place in (data_dir.absolute(), *data_dir.absolute().parents) if place.exists())
    free = shutil.disk_usage(held).free
    found = f"{free / 2**30:.1f} GB free"
    if free < LOW_BYTES:
        return Finding("disk", Mark.FAILED, found, f"Make room on the disk of {held}: writes will soon be refused.")
    if free < SCARCE_BYTES:
        return Finding("disk", Mark.WARNING, found, f"Plan for more room on the disk of {held}.")
    return Finding("disk", Mark.OK, found)


async def queue_server(url: str | None) -> Finding:
    """The doorbell. Nothing is lost without it; work is then found by the sweep."""
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    advice = "Nothing is lost: work is found by the sweep, a little later. Start it, or see CDP_REDIS_URL."
    if not url:
        return Finding("queue server", Mark.WARNING, "no address", advice)
    client = Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)
    try:
        await client.execute_command("PING")
    except (RedisError, OSError):
        return Finding("queue server", Mark.WARNING, "does not answer", advice)
    finally:
        await client.aclose()
    return Finding("queue server", Mark.OK, "answers")


async def database(settings: Settings) -> list[Finding]:
    """The database and everything that is asked of it: as the role that serves, then as the owner where one is set."""
    if settings.database_url is None:
        return [Finding("database", Mark.FAILED, "none runs here", DATABASE_ADVICE)]
    found = await _asked(settings.database_url, (version, clock))
    if found[-1].mark is not Mark.FAILED:
        found += await _asked(settings.owner_url, (schema, role, fences, workers, queue))
    return found


async def _asked(url: str, looks: Sequence[DatabaseCheck]) -> list[Finding]:
    try:
        conn = await asyncpg.connect(url, timeout=TIMEOUT, command_timeout=TIMEOUT)
    except (*DATABASE_AWAY, asyncpg.PostgresError, ValueError, TimeoutError):
        return [Finding("database", Mark.FAILED, "does not answer", DATABASE_ADVICE)]
    found: list[Finding] = []
    try:
        for look in looks:
            found.append(await look(conn))
            if look is schema and found[-1].mark is Mark.FAILED:
                break  # what follows looks at the schema
    except (*DATABASE_AWAY, asyncpg.PostgresError, TimeoutError) as wrong:
        found.append(Finding("database", Mark.FAILED, f"a check ended with {type(wrong).__name__}", DATABASE_ADVICE))
    finally:
        await conn.close()
    return found


async def version(conn: asyncpg.Connection) -> Finding:
    major = conn.get_server_version().major
    found = f"PostgreSQL {major}"
    if major < OLDEST_VERSION:
        return Finding("database", Mark.FAILED, found, f"Move to PostgreSQL {OLDEST_VERSION} or newer.")
    return Finding("database", Mark.OK, found)


async def schema(conn: asyncpg.Connection) -> Finding:
    """The schema is that of this release."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from app.cli.schema import SCRIPTS

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    wanted = set(ScriptDirectory.from_config(config).get_heads())
    held: set[str] = set()
    if await conn.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL"):
        try:
            held = {row["version_num"] for row in await conn.fetch("SELECT version_num FROM alembic_version")}
        except asyncpg.InsufficientPrivilegeError:
            return Finding("schema", Mark.WARNING, "not for this role to read", "Set CDP_MIGRATE_URL to check it.")
    if held != wanted:
        found = f"at {', '.join(sorted(held)) or 'nothing'}, this release has {', '.join(sorted(wanted))}"
        return Finding("schema", Mark.FAILED, found, "Run `cdp migrate`, or start the release that the database is of.")
    return Finding("schema", Mark.OK, ", ".join(sorted(held)))


async def clock(conn: asyncpg.Connection) -> Finding:
    asked = time.time()
    said = await conn.fetchval("SELECT extract(epoch FROM clock_timestamp())")
    apart = abs(float(said) - (asked + time.time()) / 2)
    found = f"{apart:.3f} s from the database's"
    if apart > CLOCK_SECONDS:
        return Finding(
            "clock", Mark.WARNING, found, "Set both clocks by NTP: tokens and times of receipt depend on it."
        )
    return Finding("clock", Mark.OK, found)


async def role(conn: asyncpg.Connection) -> Finding:
    """The role that serves owns nothing and passes by no policy."""
    row = await conn.fetchrow(
        "SELECT rolsuper OR rolbypassrls AS passes, (SELECT count(*) FROM pg_class c WHERE c.relowner = r.oid) AS owns"
        "  FROM pg_roles r WHERE rolname = $1",
        APP_ROLE,
    )
    if row is None:
        return Finding("role", Mark.FAILED, f"{APP_ROLE} is not there", "Run `cdp migrate`.")
    if row["passes"] or row["owns"]:
        advice = f"Take SUPERUSER, BYPASSRLS and every table from {APP_ROLE}: tenants are not kept apart now."
        return Finding("role", Mark.FAILED, f"{APP_ROLE} may do too much", advice)
    return Finding("role", Mark.OK, f"{APP_ROLE} owns nothing and is bound by every policy")


async def fences(conn: asyncpg.Connection) -> Finding:
    """Row-level security is on and forced for every table of ours."""
    rows = await conn.fetch(
        "SELECT relname, relrowsecurity AND relforcerowsecurity AS fenced FROM pg_class"
        " WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')"
        "   AND relname <> 'alembic_version' ORDER BY relname"
    )
    open_ones = [row["relname"] for row in rows if not row["fenced"]]
    if open_ones or not rows:
        found = f"without row-level security: {', '.join(open_ones) or 'everything'}"
        return Finding("tenants", Mark.FAILED, found, "Stop serving, and run ALTER TABLE ... FORCE ROW LEVEL SECURITY.")
    return Finding("tenants", Mark.OK, f"row-level security forced on all {len(rows)} tables")


async def workers(conn: asyncpg.Connection) -> Finding:
    """Each worker that lives holds a lock."""
    alive = await conn.fetchval(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = $1 AND objsubid = 2"
        "   AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        CLASS,
    )
    if not alive:
        return Finding("workers", Mark.WARNING, "none runs", "Start one with ./run or `cdp worker`.")
    return Finding("workers", Mark.OK, f"{alive} at work")


async def queue(conn: asyncpg.Connection) -> Finding:
    """What waits, and whether it moves."""
    async with conn.transaction(readonly=True):
        await conn.execute(f"SET LOCAL role TO {SESSION['role']}")
        row = await conn.fetchrow(
            "SELECT coalesce(sum(waiting), 0) AS waiting, extract(epoch FROM now() - min(oldest)) AS age"
            "  FROM workspace_backlogs(1000000)"
        )
    age = float(row["age"] or 0)
    found = f"{row['waiting']} messages wait" + (f", the oldest for {age:.0f} s" if row["waiting"] else "")
    if age > QUEUE_SECONDS:
        advice = "If it does not move, look into logs/worker.log; else add workers with CDP_WORKERS."
        return Finding("queue", Mark.WARNING, found, advice)
    return Finding("queue", Mark.OK, found)
