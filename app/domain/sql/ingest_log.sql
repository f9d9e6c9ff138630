-- name: append
-- One statement for any number of messages: the log entry, its waiting, and the permanent deduplication. Rows come
-- sorted by token, so that two appends that share messages meet in one order.
WITH new AS (
  INSERT INTO ingest_log (workspace_id, id, message_token, source_id, kind, received_at, body)
  SELECT :workspace_id, nextval('log_ids'), t.token, t.source_id, t.kind, t.received_at, t.body
    FROM unnest(CAST(:tokens AS bytea[]), CAST(:source_ids AS integer[]), CAST(:kinds AS smallint[]),
                CAST(:received_ats AS timestamptz[]), CAST(:bodies AS bytea[]))
         AS t(token, source_id, kind, received_at, body)
  ON CONFLICT (workspace_id, message_token) DO NOTHING
  RETURNING id, message_token
), waiting AS (
  INSERT INTO ingest_queue (workspace_id, log_id) SELECT :workspace_id, id FROM new
)
SELECT id, message_token FROM new;

-- name: held
SELECT id, message_token, source_id, body
  FROM ingest_log WHERE workspace_id = :workspace_id AND message_token = ANY(CAST(:tokens AS bytea[]));

-- name: take_latest
-- The keys whose content is news: a repeat of the newest content under a key returns no row.
INSERT INTO latest_contents (workspace_id, source_id, key_token, content_token)
SELECT :workspace_id, t.source_id, t.key_token, t.content_token
  FROM unnest(CAST(:source_ids AS integer[]), CAST(:key_tokens AS bytea[]), CAST(:content_tokens AS bytea[]))
       AS t(source_id, key_token, content_token)
ON CONFLICT (workspace_id, source_id, key_token) DO UPDATE SET content_token = excluded.content_token
 WHERE latest_contents.content_token <> excluded.content_token
RETURNING source_id, key_token;

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

-- name: add_batch
INSERT INTO ingest_batches (workspace_id, id, source_id, idempotency_token, request_token, answer, received_at)
VALUES (:workspace_id, :id, :source_id, :idempotency_token, :request_token, :answer, :now);

-- name: next_id
SELECT nextval('thing_ids');

-- name: batch_by_idempotency
SELECT id, request_token, answer FROM ingest_batches
 WHERE workspace_id = :workspace_id AND idempotency_token = :token;

-- name: batch
SELECT id, source_id, answer, received_at FROM ingest_batches WHERE workspace_id = :workspace_id AND id = :id;
