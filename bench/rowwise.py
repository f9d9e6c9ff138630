"""Row at a time, as one writes it by hand: asyncpg, one transaction a record, no sealing, no versions, no log.

Upserts the record, finds its people by its identifiers, makes or merges them, and
refreshes the golden traits with the newest. Less than the pipeline does, on purpose.
"""

import json
from collections.abc import Iterable, Sequence

import asyncpg

from bench.workload import Saying

MAKE = """
CREATE TABLE IF NOT EXISTS row_records (key text PRIMARY KEY, profile_id bigint, at timestamptz, traits jsonb);
CREATE INDEX IF NOT EXISTS row_records_profile ON row_records (profile_id);
CREATE TABLE IF NOT EXISTS row_identifiers (namespace text, value text, profile_id bigint,
                                            PRIMARY KEY (namespace, value));
CREATE INDEX IF NOT EXISTS row_identifiers_profile ON row_identifiers (profile_id);
CREATE TABLE IF NOT EXISTS row_profiles (id bigserial PRIMARY KEY, version int NOT NULL DEFAULT 1, traits jsonb);
"""
HOLDERS = """
SELECT DISTINCT profile_id FROM row_identifiers
 WHERE (namespace, value) IN (SELECT * FROM unnest($1::text[], $2::text[]))
UNION SELECT profile_id FROM row_records WHERE key = $3 ORDER BY 1
"""
NEW_PROFILE = "INSERT INTO row_profiles (traits) VALUES ($1) RETURNING id"
REFRESH = "UPDATE row_profiles SET traits = traits || $2, version = version + 1 WHERE id = $1 AND NOT traits @> $2"
MOVE_RECORDS = "UPDATE row_records SET profile_id = $1 WHERE profile_id = ANY($2::bigint[])"
MOVE_IDENTIFIERS = "UPDATE row_identifiers SET profile_id = $1 WHERE profile_id = ANY($2::bigint[])"
MERGE_TRAITS = """
UPDATE row_profiles p SET traits = other.traits || p.traits, version = p.version + 1
  FROM row_profiles other WHERE p.id = $1 AND other.id = $2
"""
DROP_PROFILES = "DELETE FROM row_profiles WHERE id = ANY($1::bigint[])"
KEEP_RECORD = """
INSERT INTO row_records (key, profile_id, at, traits) VALUES ($1, $2, $3, $4)
ON CONFLICT (key) DO UPDATE SET profile_id = excluded.profile_id, at = excluded.at,
                                traits = row_records.traits || excluded.traits
 WHERE row_records.at <= excluded.at
"""
KEEP_IDENTIFIER = """
INSERT INTO row_identifiers (namespace, value, profile_id) VALUES ($1, $2, $3)
ON CONFLICT (namespace, value) DO UPDATE SET profile_id = excluded.profile_id
"""


def identifiers_of(saying: Saying) -> list[tuple[str, str]]:
    return [("email", saying.traits["email"]), ("phone", saying.traits["phone"]), *saying.identifiers.items()]


async def take(conn: asyncpg.Connection, sayings: Iterable[Saying]) -> None:
    for saying in sayings:
        async with conn.transaction():
            await _take_one(conn, saying)


async def _take_one(conn: asyncpg.Connection, saying: Saying) -> None:
    held = identifiers_of(saying)
    traits = json.dumps(saying.traits)
    found = [row["profile_id"] for row in await conn.fetch(HOLDERS, *map(list, zip(*held, strict=True)), saying.key)]
    if found:
        profile_id, others = found[0], found[1:]
        await conn.execute(REFRESH, profile_id, traits)
    else:
        profile_id, others = await conn.fetchval(NEW_PROFILE, traits), []
    if others:
        for other in others:
            await conn.execute(MERGE_TRAITS, profile_id, other)
        await conn.execute(MOVE_RECORDS, profile_id, others)
        await conn.execute(MOVE_IDENTIFIERS, profile_id, others)
        await conn.execute(DROP_PROFILES, others)
    await conn.execute(KEEP_RECORD, saying.key, profile_id, saying.at, traits)
    await conn.executemany(KEEP_IDENTIFIER, [(namespace, value, profile_id) for namespace, value in held])


async def fill(conn: asyncpg.Connection, people: Sequence[Saying], start: int) -> None:
    """The resident population, by COPY: setting up is not measured."""
    rows = [(start + n, saying) for n, saying in enumerate(people)]
    await conn.copy_records_to_table("row_profiles", records=[(id, 1, json.dumps(s.traits)) for id, s in rows])
    await conn.copy_records_to_table("row_records", records=[(s.key, id, s.at, json.dumps(s.traits)) for id, s in rows])
    await conn.copy_records_to_table(
        "row_identifiers", records=[(name, value, id) for id, s in rows for name, value in identifiers_of(s)]
    )
    await conn.execute("SELECT setval('row_profiles_id_seq', $1)", start + len(rows))
