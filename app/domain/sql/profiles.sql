-- name: lookup
-- Who is meant, for any number of look-ups at once, in the order asked: each identifier, record key or id leads to a
-- record, the record to its profile. An identifier that more than its cap of records carry is generic and finds nobody;
-- one that several profiles hold finds the profile of its oldest record (born, source, keyed hash of the key). A record
-- that was removed leads on to its heir, and so on to the end: UNION, not UNION ALL, so that even a circle has one.
WITH RECURSIVE asked AS MATERIALIZED (
  SELECT t.place, oldest.id
    FROM unnest(CAST(:token_places AS integer[]), CAST(:tokens AS bytea[]), CAST(:caps AS integer[]))
         AS t(place, token, cap)
   CROSS JOIN LATERAL (
     SELECT s.id
       FROM (SELECT few.record_id, count(*) OVER () AS carried
               FROM (SELECT r.record_id FROM record_identifiers r
                      WHERE r.workspace_id = :workspace_id AND r.token = t.token LIMIT t.cap + 1) AS few) AS held
       JOIN source_records s ON s.workspace_id = :workspace_id AND s.id = held.record_id
       JOIN sources o ON o.workspace_id = :workspace_id AND o.id = s.source_id
      WHERE held.carried <= t.cap
      ORDER BY s.born_at, o.name COLLATE "C", s.key_token
      LIMIT 1) AS oldest
  UNION ALL
  SELECT t.place, s.id
    FROM unnest(CAST(:key_places AS integer[]), CAST(:source_ids AS integer[]), CAST(:key_tokens AS bytea[]))
         AS t(place, source_id, key_token)
    JOIN source_records s
      ON s.workspace_id = :workspace_id AND s.source_id = t.source_id AND s.key_token = t.key_token AND NOT s.removed
  UNION ALL
  SELECT t.place, t.id FROM unnest(CAST(:id_places AS integer[]), CAST(:ids AS bigint[])) AS t(place, id)
), led AS (
  SELECT a.place, s.id, s.profile_id, s.heir_id
    FROM asked a
    JOIN source_records s ON s.workspace_id = :workspace_id AND s.id = a.id
  UNION
  SELECT l.place, s.id, s.profile_id, s.heir_id
    FROM led l
    JOIN source_records s ON s.workspace_id = :workspace_id AND s.id = l.heir_id
   WHERE l.profile_id IS NULL
)
SELECT led.place, p.id, p.version, p.created_at, p.updated_at, p.public, p.sealed,
       CASE WHEN CAST(:with_proof AS boolean) THEN p.proof END AS proof
  FROM led
  JOIN profiles p ON p.workspace_id = :workspace_id AND p.id = led.profile_id
 WHERE p.live;

-- name: members
-- The records in a profile. The index is by component, which holds the whole profile and its refused neighbours.
SELECT s.id, s.source_id, s.profile_id, s.component_id, s.state
  FROM profiles p
  JOIN source_records s
    ON s.workspace_id = p.workspace_id AND s.component_id = p.component_id AND s.profile_id = p.id
 WHERE p.workspace_id = :workspace_id AND p.id = :id AND NOT s.removed
 ORDER BY s.id;

-- name: versions_page
SELECT version, at, reason, other_id, log_ids[1:CAST(:causes AS integer)] AS log_ids
  FROM profile_versions
 WHERE workspace_id = :workspace_id AND profile_id = :id
   AND version < CAST(:before AS integer)
 ORDER BY version DESC
 LIMIT :many;

-- name: bodies
SELECT version, at, reason, whole, body
  FROM profile_versions
 WHERE workspace_id = :workspace_id AND profile_id = :id
   AND version BETWEEN CAST(:low AS integer) AND CAST(:high AS integer)
 ORDER BY version;

-- name: version_at
-- The version an id was at, at an instant; and where it led if it had been merged away by then.
SELECT v.version, v.reason, v.other_id, p.created_at
  FROM profile_versions v
  JOIN profiles p ON p.workspace_id = v.workspace_id AND p.id = v.profile_id
 WHERE v.workspace_id = :workspace_id AND v.profile_id = :id AND v.at <= CAST(:at AS timestamptz)
 ORDER BY v.version DESC
 LIMIT 1;

-- name: lock
SELECT id FROM profiles WHERE workspace_id = :workspace_id AND id = :id FOR UPDATE;

-- name: created
SELECT created_at FROM profiles WHERE workspace_id = :workspace_id AND id = :id;

-- name: log_entries
SELECT id, source_id, kind, received_at, message_token, body
  FROM ingest_log WHERE workspace_id = :workspace_id AND id = ANY(CAST(:log_ids AS bigint[]));

-- name: events_page
-- The newest events of a profile's records: a few from each record by its own index, then the newest of those.
SELECT e.occurred_at, e.log_id, e.type, l.source_id, l.received_at, l.message_token, l.body
  FROM (SELECT each.record_id, each.occurred_at, each.log_id, each.type
          FROM profiles p
          JOIN source_records s
            ON s.workspace_id = p.workspace_id AND s.component_id = p.component_id AND s.profile_id = p.id
         CROSS JOIN LATERAL (
           SELECT v.record_id, v.occurred_at, v.log_id, v.type
             FROM events v
            WHERE v.workspace_id = :workspace_id AND v.record_id = s.id
              AND (v.occurred_at, v.log_id) < (CAST(:before_at AS timestamptz), CAST(:before_id AS bigint))
            ORDER BY v.occurred_at DESC, v.log_id DESC
            LIMIT :many) AS each
         WHERE p.workspace_id = :workspace_id AND p.id = :id AND NOT s.removed
         ORDER BY each.occurred_at DESC, each.log_id DESC
         LIMIT :many) AS e
  JOIN ingest_log l ON l.workspace_id = :workspace_id AND l.id = e.log_id
 ORDER BY e.occurred_at DESC, e.log_id DESC;
