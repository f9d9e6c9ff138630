"""One verification: a snapshot, the rules in it, and the walks one after the other."""

import math

from app.core.crypto.keyservice import KeyService
from app.core.errors import Unavailable
from app.core.sql import Queries, Tx
from app.domain import catalog, keys, models, policies, refreshes, sources
from app.domain.replay import histories, people, records
from app.domain.replay.findings import Findings, Told
from app.domain.replay.look import Look

# A verification reads whole tables in order; the settings of a serving connection are for single rows by their index.
SNAPSHOT = """
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on;
SET LOCAL plan_cache_mode = force_custom_plan
"""

ENDS = (
    ("without_fate", "no_fate", "message"),
    ("settled_and_waiting", "two_fates", "message"),
    ("without_entry", "no_entry", "message"),
    ("without_reason", "no_reason", "message"),
    ("applied_to_nothing", "no_record", "message"),
    ("links_to_nobody", "links", "record"),
    ("carried_by_nobody", "identifiers", "record"),
)
"""Statements whose rows are differences already: the kind, and what their ids are ids of."""

_replay = Queries("replay")


class RulesMoving(Unavailable):
    """The rules of this workspace have changed and its profiles are being derived again; verify when that has ended."""

    code = "rules_moving"


async def verify(key_service: KeyService, tx: Tx, told: Told = lambda _done, _total: None) -> Findings:
    """Compare the workspace of a fresh transaction with its log, and with itself. Changes nothing.

    Raises RulesMoving while profiles of older rules are on their way to today's.
    """
    await tx.conn.execute(SNAPSHOT)
    if await refreshes.is_under_way(tx):
        raise RulesMoving
    keyring = await keys.load(key_service, tx)
    policy = await policies.in_force(tx, keyring)
    matcher = await models.in_force(tx, keyring, policy.matching)
    look = Look(
        tx,
        await tx.conn.fetchval("SELECT now()"),
        keyring,
        await catalog.load(tx),
        policy,
        await sources.all_sources(tx),
        math.inf if matcher is None else matcher.automatic,
    )
    found = Findings()
    total = await _count(tx, found)
    done = 0

    def walked(many: int) -> None:
        nonlocal done
        done += many
        told(done, total)

    await _ends(tx, found)
    await records.walk(look, found, walked)
    await people.walk(look, found, walked)
    await histories.walk(look, found, walked)
    return found


async def _count(tx: Tx, found: Findings) -> int:
    """Fill in the counts; return how many rows the walks will pass."""
    row = await _replay.row(tx, "counted")
    assert row is not None
    found.entries, found.pending, found.records, found.profiles = (
        row[name] for name in ("entries", "pending", "records", "profiles")
    )
    found.fates = {each["fate"]: each["many"] for each in await _replay.rows(tx, "fates")}
    return found.records + int(row["live_records"]) + found.profiles


async def _ends(tx: Tx, found: Findings) -> None:
    """Conservation: every entry has one end, every end its entry, what was set aside its reason; nothing dangles."""
    for name, kind, what in ENDS:
        held = _replay.statements[name]
        async for row in tx.conn.cursor(held.sql, *held.arguments(tx, {})):
            found.differs(kind, what, row["id"])
