-- name: newest_message
SELECT coalesce(max(id), 0) FROM ingest_log WHERE workspace_id = :workspace_id;

-- name: waiting_up_to
SELECT count(*) FROM ingest_queue WHERE workspace_id = :workspace_id AND log_id <= :last;

-- name: begin_alone
SELECT pg_advisory_xact_lock(hashtextextended('samewise demo', :workspace_id));

-- name: working
-- Workers that live: each holds an advisory lock of its class for as long as it does.
SELECT count(*) FROM pg_locks
 WHERE locktype = 'advisory' AND classid = CAST(:class AS oid) AND objsubid = 2
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database());

-- name: taken
SELECT source_id, count(*) AS messages FROM ingest_log WHERE workspace_id = :workspace_id GROUP BY source_id;

-- name: answers
SELECT source_id, sum((answer ->> 'duplicates')::int) AS duplicates
  FROM ingest_batches WHERE workspace_id = :workspace_id GROUP BY source_id;

-- name: set_aside
SELECT source_id, code, pointer, detail FROM quarantine WHERE workspace_id = :workspace_id ORDER BY id LIMIT 20;

-- name: carriers
SELECT count(*) FROM record_identifiers WHERE workspace_id = :workspace_id AND token = :token;

-- name: profiles
SELECT count(*) FROM profiles WHERE workspace_id = :workspace_id AND live;
