-- name: append
-- One statement for any number of messages: the log entry, its waiting, and the permanent deduplication. Rows come
-- sorted by token, so that two appends that share messages meet in one order; ids rise in that order. Tokens are packed,
-- 16 bytes each, and so are the numbers of the parcels, two bytes each: the client looks at each element of an array.
-- `tokens` of the answer is null when all were new, and then `ids` says it all.
WITH new AS (
  INSERT INTO ingest_log (workspace_id, id, message_token, source_id, kind, received_at, body)
  SELECT :workspace_id, nextval('log_ids'), substring(CAST(:tokens AS bytea) FROM 16 * m.n - 15 FOR 16),
         (CAST(:source_ids AS integer[]))[m.parcel], (CAST(:kinds AS smallint[]))[m.parcel],
         (CAST(:received_ats AS timestamptz[]))[m.parcel], m.body
    FROM (SELECT t.body, CAST(t.n AS integer) AS n,
                 1 + 256 * get_byte(CAST(:parcels AS bytea), 2 * CAST(t.n AS integer) - 2)
                   + get_byte(CAST(:parcels AS bytea), 2 * CAST(t.n AS integer) - 1) AS parcel
            FROM unnest(CAST(:bodies AS bytea[])) WITH ORDINALITY AS t(body, n)) AS m
  ON CONFLICT (workspace_id, message_token) DO NOTHING
  RETURNING id, message_token
), waiting AS (
  INSERT INTO ingest_queue (workspace_id, log_id) SELECT :workspace_id, id FROM new
)
SELECT (SELECT array_agg(id) FROM new) AS ids,
       CASE WHEN (SELECT count(*) FROM new) < CAST(:many AS integer)
            THEN (SELECT array_agg(message_token ORDER BY id) FROM new) END AS tokens;

-- name: append_unseen
-- The same for messages that are new as far as a few of them tell (`samples`); else nothing is appended. What is there
-- all the same violates the index. Asking beforehand, and marking each row as an attempt, costs ON CONFLICT a third more.
WITH new AS (
  INSERT INTO ingest_log (workspace_id, id, message_token, source_id, kind, received_at, body)
  SELECT :workspace_id, nextval('log_ids'), substring(CAST(:tokens AS bytea) FROM 16 * m.n - 15 FOR 16),
         (CAST(:source_ids AS integer[]))[m.parcel], (CAST(:kinds AS smallint[]))[m.parcel],
         (CAST(:received_ats AS timestamptz[]))[m.parcel], m.body
    FROM (SELECT t.body, CAST(t.n AS integer) AS n,
                 1 + 256 * get_byte(CAST(:parcels AS bytea), 2 * CAST(t.n AS integer) - 2)
                   + get_byte(CAST(:parcels AS bytea), 2 * CAST(t.n AS integer) - 1) AS parcel
            FROM unnest(CAST(:bodies AS bytea[])) WITH ORDINALITY AS t(body, n)) AS m
   WHERE NOT EXISTS (SELECT FROM ingest_log AS l
                      WHERE l.workspace_id = :workspace_id AND l.message_token = ANY(CAST(:samples AS bytea[])))
  RETURNING id, message_token
), waiting AS (
  INSERT INTO ingest_queue (workspace_id, log_id) SELECT :workspace_id, id FROM new
)
SELECT (SELECT array_agg(id) FROM new) AS ids,
       CASE WHEN (SELECT count(*) FROM new) < CAST(:many AS integer)
            THEN (SELECT array_agg(message_token ORDER BY id) FROM new) END AS tokens;

-- name: held
SELECT id, message_token, source_id, body
  FROM ingest_log WHERE workspace_id = :workspace_id AND message_token = ANY(CAST(:tokens AS bytea[]));

-- name: depth
SELECT count(*) FROM (SELECT FROM ingest_queue WHERE workspace_id = :workspace_id LIMIT :cap) AS capped;

-- name: unsettled
SELECT count(*) FROM ingest_queue
 WHERE workspace_id = :workspace_id AND log_id = ANY(CAST(:log_ids AS bigint[]));

-- name: fate
SELECT l.id AS log_id, l.received_at, f.fate, f.reason, f.record_id, f.profile_id, f.profile_version, f.settled_at,
       q.attempts, z.replayed_as
  FROM ingest_log l
  LEFT JOIN fates f ON f.workspace_id = l.workspace_id AND f.log_id = l.id
  LEFT JOIN ingest_queue q ON q.workspace_id = l.workspace_id AND q.log_id = l.id
  LEFT JOIN quarantine z ON z.workspace_id = l.workspace_id AND z.log_id = l.id AND z.replayed_as IS NOT NULL
 WHERE l.workspace_id = :workspace_id AND l.message_token = :token;

-- name: fate_of_entry
SELECT l.id AS log_id, l.received_at, f.fate, f.reason, f.record_id, f.profile_id, f.profile_version, f.settled_at,
       q.attempts, z.replayed_as
  FROM ingest_log l
  LEFT JOIN fates f ON f.workspace_id = l.workspace_id AND f.log_id = l.id
  LEFT JOIN ingest_queue q ON q.workspace_id = l.workspace_id AND q.log_id = l.id
  LEFT JOIN quarantine z ON z.workspace_id = l.workspace_id AND z.log_id = l.id AND z.replayed_as IS NOT NULL
 WHERE l.workspace_id = :workspace_id AND l.id = :log_id;

-- name: fate_in_quarantine
SELECT id, set_aside_at, code, state, replayed_as, settled_at
  FROM quarantine WHERE workspace_id = :workspace_id AND message_token = :token ORDER BY id LIMIT 1;

-- name: add_batches
INSERT INTO ingest_batches (workspace_id, id, source_id, idempotency_token, request_token, answer, received_at)
SELECT :workspace_id, t.id, t.source_id, t.idempotency_token, t.request_token, CAST(t.answer AS jsonb), :now
  FROM unnest(CAST(:ids AS bigint[]), CAST(:source_ids AS integer[]), CAST(:idempotency_tokens AS bytea[]),
              CAST(:request_tokens AS bytea[]), CAST(:answers AS text[]))
       AS t(id, source_id, idempotency_token, request_token, answer);

-- name: fresh_ids
SELECT nextval('thing_ids') AS id FROM generate_series(1, CAST(:many AS integer));

-- name: batches_by_idempotency
SELECT id, idempotency_token, request_token, answer FROM ingest_batches
 WHERE workspace_id = :workspace_id AND idempotency_token = ANY(CAST(:tokens AS bytea[]));

-- name: batch
SELECT id, source_id, answer, received_at FROM ingest_batches WHERE workspace_id = :workspace_id AND id = :id;
