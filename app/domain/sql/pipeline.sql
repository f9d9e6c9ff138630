-- name: claim
-- Lease waiting messages to one worker. What was in a batch that died comes back in small company, and alone at its
-- last try, so that a poison record takes nobody along. The CTE is a fence: without it the planner may run the
-- subquery again per row and lease more than :batch.
WITH due AS MATERIALIZED (
  SELECT log_id, least(attempts, 2) AS tried
    FROM ingest_queue
   WHERE workspace_id = :workspace_id
     AND (leased_until IS NULL OR leased_until < now())
   ORDER BY log_id
   LIMIT :batch
     FOR UPDATE SKIP LOCKED
), company AS (
  SELECT log_id, tried, first_value(tried) OVER (ORDER BY log_id) AS first,
         row_number() OVER (PARTITION BY tried ORDER BY log_id) AS place
    FROM due
)
UPDATE ingest_queue AS q
   SET attempts = q.attempts + 1, lease = CAST(:lease AS bigint), leased_until = now() + make_interval(secs => :seconds)
 WHERE q.workspace_id = :workspace_id
   AND q.log_id = ANY(ARRAY(
         SELECT log_id FROM company
          WHERE tried = first AND place <= CASE tried WHEN 0 THEN :batch WHEN 1 THEN 32 ELSE 1 END))
RETURNING q.log_id, q.attempts;

-- name: next_lease
SELECT nextval('lease_ids');

-- name: extend
-- Rows that a running batch has locked need no longer lease: nobody can claim them meanwhile.
UPDATE ingest_queue SET leased_until = now() + make_interval(secs => :seconds)
 WHERE workspace_id = :workspace_id AND lease = CAST(:lease AS bigint)
   AND log_id = ANY(ARRAY(
         SELECT log_id FROM ingest_queue
          WHERE workspace_id = :workspace_id AND log_id = ANY(CAST(:log_ids AS bigint[]))
            FOR UPDATE SKIP LOCKED));

-- name: give_back
-- A batch that failed for no fault of its messages: the try does not count.
UPDATE ingest_queue SET leased_until = NULL, lease = NULL, attempts = greatest(attempts - 1, 0)
 WHERE workspace_id = :workspace_id AND log_id = ANY(CAST(:log_ids AS bigint[])) AND lease = CAST(:lease AS bigint);

-- name: entries
-- Only what this lease still holds: a worker that was paused past its lease finds nothing here.
SELECT l.id AS log_id, l.source_id, l.kind, l.received_at, l.message_token, l.body
  FROM ingest_queue q
  JOIN ingest_log l ON l.workspace_id = q.workspace_id AND l.id = q.log_id
 WHERE q.workspace_id = :workspace_id AND q.log_id = ANY(CAST(:log_ids AS bigint[]))
   AND l.id = ANY(CAST(:log_ids AS bigint[])) AND q.lease = CAST(:lease AS bigint)
   FOR UPDATE OF q;

-- name: lock
-- In the order given, which is sorted: two batches that share a key meet there and nowhere else. Identifiers that are
-- generic already are shared: a till's device id must not serialise the world.
SELECT CASE WHEN t.shared THEN CAST(pg_advisory_xact_lock_shared(t.key) AS text)
            ELSE CAST(pg_advisory_xact_lock(t.key) AS text) END
  FROM unnest(CAST(:keys AS bigint[]), CAST(:shared AS boolean[])) AS t(key, shared);

-- name: counts
-- How many records carry each identifier, counted no further than its cap and one.
SELECT t.token, (
         SELECT count(*) FROM (
           SELECT FROM record_identifiers r
            WHERE r.workspace_id = :workspace_id AND r.token = t.token LIMIT t.cap + 1) AS capped) AS carried
  FROM unnest(CAST(:tokens AS bytea[]), CAST(:caps AS integer[])) AS t(token, cap);

-- name: records_by_key
SELECT s.id, s.source_id, s.key_token, s.profile_id, s.component_id, s.heir_id, s.state
  FROM unnest(CAST(:source_ids AS integer[]), CAST(:key_tokens AS bytea[])) AS t(source_id, key_token)
 CROSS JOIN LATERAL (
   SELECT r.id, r.source_id, r.key_token, r.profile_id, r.component_id, r.heir_id, r.state
     FROM source_records r
    WHERE r.workspace_id = :workspace_id AND r.source_id = t.source_id AND r.key_token = t.key_token
    LIMIT 1) AS s;

-- name: records_by_id
SELECT id, source_id, key_token, profile_id, component_id, heir_id, state
  FROM source_records
 WHERE workspace_id = :workspace_id AND id = ANY(CAST(:ids AS bigint[]))
 ORDER BY id;

-- name: fresh_ids
SELECT nextval('record_ids') AS id FROM generate_series(1, CAST(:many AS integer));

-- name: holders
SELECT t.token, s.id, s.component_id
  FROM unnest(CAST(:tokens AS bytea[]), CAST(:caps AS integer[])) AS t(token, cap)
 CROSS JOIN LATERAL (
   SELECT r.record_id FROM record_identifiers r
    WHERE r.workspace_id = :workspace_id AND r.token = t.token LIMIT t.cap + 1) AS h
  JOIN source_records s ON s.workspace_id = :workspace_id AND s.id = h.record_id;

-- name: lock_profiles
SELECT id, component_id, version, live, created_at, updated_at, public, sealed, proof
  FROM profiles
 WHERE workspace_id = :workspace_id AND component_id = ANY(CAST(:components AS bigint[])) AND live
 ORDER BY id
   FOR UPDATE;

-- name: lock_dormant
SELECT id, component_id, version, live, created_at, updated_at, public, sealed, proof
  FROM profiles
 WHERE workspace_id = :workspace_id AND id = ANY(CAST(:ids AS bigint[]))
 ORDER BY id
   FOR UPDATE;

-- name: region
SELECT id, source_id, key_token, profile_id, component_id, heir_id, state
  FROM source_records
 WHERE workspace_id = :workspace_id AND component_id = ANY(CAST(:components AS bigint[]));

-- name: write_records
-- New records and changed ones alike. An upsert and not an update from unnest: that join may be planned the wrong way
-- round while the table is small, and then costs the square of the batch.
INSERT INTO source_records
       (workspace_id, id, source_id, key_token, profile_id, component_id, heir_id, born_at, removed, state)
SELECT :workspace_id, t.id, t.source_id, t.key_token, t.profile_id, t.component_id, t.heir_id, t.born_at, t.removed,
       t.state
  FROM unnest(CAST(:ids AS bigint[]), CAST(:source_ids AS integer[]), CAST(:key_tokens AS bytea[]),
              CAST(:profile_ids AS bigint[]), CAST(:component_ids AS bigint[]), CAST(:heir_ids AS bigint[]),
              CAST(:born_ats AS timestamptz[]), CAST(:removeds AS boolean[]), CAST(:states AS bytea[]))
       AS t(id, source_id, key_token, profile_id, component_id, heir_id, born_at, removed, state)
ON CONFLICT (workspace_id, id) DO UPDATE
   SET profile_id = excluded.profile_id, component_id = excluded.component_id, heir_id = excluded.heir_id,
       born_at = excluded.born_at, removed = excluded.removed, state = excluded.state;

-- name: move_records
UPDATE source_records AS s
   SET profile_id = t.profile_id, component_id = t.component_id
  FROM unnest(CAST(:ids AS bigint[]), CAST(:profile_ids AS bigint[]), CAST(:component_ids AS bigint[]))
       AS t(id, profile_id, component_id)
 WHERE s.workspace_id = :workspace_id AND s.id = t.id AND s.id = ANY(CAST(:ids AS bigint[]));

-- name: add_identifiers
INSERT INTO record_identifiers (workspace_id, token, record_id, namespace)
SELECT :workspace_id, t.token, t.record_id, t.namespace
  FROM unnest(CAST(:tokens AS bytea[]), CAST(:record_ids AS bigint[]), CAST(:namespaces AS text[]))
       AS t(token, record_id, namespace)
ON CONFLICT DO NOTHING;

-- name: drop_identifiers
DELETE FROM record_identifiers AS r
 USING unnest(CAST(:tokens AS bytea[]), CAST(:record_ids AS bigint[])) AS t(token, record_id)
 WHERE r.workspace_id = :workspace_id AND r.token = t.token AND r.record_id = t.record_id
   AND r.token = ANY(CAST(:tokens AS bytea[]));

-- name: write_profiles
INSERT INTO profiles (workspace_id, id, component_id, version, live, created_at, updated_at, public, sealed, proof)
SELECT :workspace_id, t.id, t.component_id, t.version, t.live, t.created_at, t.updated_at, t.public, t.sealed, t.proof
  FROM unnest(CAST(:ids AS bigint[]), CAST(:component_ids AS bigint[]), CAST(:versions AS integer[]),
              CAST(:lives AS boolean[]), CAST(:created_ats AS timestamptz[]), CAST(:updated_ats AS timestamptz[]),
              CAST(:publics AS jsonb[]), CAST(:sealeds AS bytea[]), CAST(:proofs AS bytea[]))
       AS t(id, component_id, version, live, created_at, updated_at, public, sealed, proof)
ON CONFLICT (workspace_id, id) DO UPDATE
   SET component_id = excluded.component_id, version = excluded.version, live = excluded.live,
       updated_at = excluded.updated_at, public = excluded.public, sealed = excluded.sealed, proof = excluded.proof;

-- name: add_versions
-- The arrays of ids travel as array literals: unnest would flatten an array of arrays.
INSERT INTO profile_versions
       (workspace_id, profile_id, version, at, reason, log_ids, other_id, joined, parted, whole, body)
SELECT :workspace_id, t.profile_id, t.version, CAST(:now AS timestamptz), t.reason,
       CAST(t.log_ids AS bigint[]), t.other_id, CAST(t.joined AS bigint[]), CAST(t.parted AS bigint[]), t.whole, t.body
  FROM unnest(CAST(:profile_ids AS bigint[]), CAST(:versions AS integer[]), CAST(:reasons AS text[]),
              CAST(:log_ids AS text[]), CAST(:other_ids AS bigint[]), CAST(:joineds AS text[]),
              CAST(:parteds AS text[]), CAST(:wholes AS boolean[]), CAST(:bodies AS bytea[]))
       AS t(profile_id, version, reason, log_ids, other_id, joined, parted, whole, body);

-- name: add_events
INSERT INTO events (workspace_id, record_id, occurred_at, log_id, type, name_token)
SELECT :workspace_id, t.record_id, t.occurred_at, t.log_id, t.type, t.name_token
  FROM unnest(CAST(:record_ids AS bigint[]), CAST(:occurred_ats AS timestamptz[]), CAST(:log_ids AS bigint[]),
              CAST(:types AS smallint[]), CAST(:name_tokens AS bytea[]))
       AS t(record_id, occurred_at, log_id, type, name_token);

-- name: settle
-- The fate of each message, and the end of its waiting, at once.
WITH said AS MATERIALIZED (
  SELECT * FROM unnest(CAST(:log_ids AS bigint[]), CAST(:fates AS text[]), CAST(:reasons AS text[]),
                       CAST(:record_ids AS bigint[]), CAST(:profile_ids AS bigint[]), CAST(:versions AS integer[]))
         AS t(log_id, fate, reason, record_id, profile_id, profile_version)
), done AS (
  DELETE FROM ingest_queue WHERE workspace_id = :workspace_id AND log_id = ANY(CAST(:log_ids AS bigint[]))
)
INSERT INTO fates (workspace_id, log_id, fate, reason, record_id, profile_id, profile_version, settled_at)
SELECT :workspace_id, said.log_id, said.fate, said.reason, said.record_id, said.profile_id, said.profile_version,
       CAST(:now AS timestamptz)
  FROM said
ON CONFLICT (workspace_id, log_id) DO UPDATE
   SET fate = excluded.fate, reason = excluded.reason, record_id = excluded.record_id,
       profile_id = excluded.profile_id, profile_version = excluded.profile_version, settled_at = excluded.settled_at;
