-- name: request
-- One open walk a workspace is enough when it has not begun; one that has begun must be followed by another.
INSERT INTO refreshes (workspace_id, id, reason, created_at)
SELECT :workspace_id, nextval('thing_ids'), :reason, CAST(:now AS timestamptz)
 WHERE NOT EXISTS (SELECT FROM refreshes
                    WHERE workspace_id = :workspace_id AND done_at IS NULL AND position = 0 AND lease IS NULL);

-- name: claim
WITH due AS MATERIALIZED (
  SELECT id FROM refreshes
   WHERE workspace_id = :workspace_id AND done_at IS NULL AND (leased_until IS NULL OR leased_until < now())
   ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE refreshes AS r
   SET lease = CAST(:lease AS bigint), leased_until = now() + make_interval(secs => :seconds)
  FROM due WHERE r.workspace_id = :workspace_id AND r.id = due.id
RETURNING r.id, r.position, r.reason;

-- name: next_records
SELECT id, source_id, key_token, profile_id, component_id, heir_id, state
  FROM source_records
 WHERE workspace_id = :workspace_id AND id > :position AND NOT removed
 ORDER BY id LIMIT :many;

-- name: held_tokens
-- Which of these identifiers a record carries in the index today: a policy may since have blocked or freed one.
SELECT t.token, t.record_id
  FROM unnest(CAST(:tokens AS bytea[]), CAST(:record_ids AS bigint[])) AS t(token, record_id)
 CROSS JOIN LATERAL (
   SELECT FROM record_identifiers r
    WHERE r.workspace_id = :workspace_id AND r.token = t.token AND r.record_id = t.record_id LIMIT 1) AS r;

-- name: move
UPDATE refreshes
   SET position = :position, refreshed = refreshed + :many, leased_until = now() + make_interval(secs => :seconds),
       done_at = CASE WHEN :is_last THEN now() END
 WHERE workspace_id = :workspace_id AND id = :id AND lease = CAST(:lease AS bigint)
RETURNING id;

-- name: due
SELECT id FROM workspaces_with_refreshes(now()) AS due(id);

-- name: open
SELECT count(*) FROM refreshes WHERE workspace_id = :workspace_id AND done_at IS NULL;

-- name: rules_shared
-- A batch holds the rules it reads: who changes them waits for it, and whoever comes later reads the new ones.
SELECT pg_advisory_xact_lock_shared(7254, :workspace_id);

-- name: rules_alone
SELECT pg_advisory_xact_lock(7254, :workspace_id);
