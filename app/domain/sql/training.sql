-- name: drawn
-- A sample that is a function of the data: keyed hashes of the records' names put them in no order that means anything.
SELECT id FROM source_records
 WHERE workspace_id = :workspace_id AND NOT removed
 ORDER BY key_token, source_id
 LIMIT :many;

-- name: live
SELECT count(*) FROM source_records WHERE workspace_id = :workspace_id AND NOT removed;

-- name: decided
-- Verdicts that stand on two records of the sample.
SELECT a, b, verdict FROM decisions
 WHERE workspace_id = :workspace_id AND revoked_at IS NULL
   AND a = ANY(CAST(:ids AS bigint[])) AND b = ANY(CAST(:ids AS bigint[]));
