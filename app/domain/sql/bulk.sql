-- name: snapshot_live
-- Every live record by id, a page at a time.
SELECT id, source_id, profile_id, component_id, state
  FROM source_records
 WHERE workspace_id = :workspace_id AND id > :position AND NOT removed
 ORDER BY id LIMIT :many;

-- name: how_many
SELECT count(*) FROM (
  SELECT FROM source_records WHERE workspace_id = :workspace_id AND NOT removed LIMIT :most) AS live;

-- name: decisions
SELECT a, b, verdict FROM decisions WHERE workspace_id = :workspace_id AND revoked_at IS NULL ORDER BY a, b;

-- name: stored_features
SELECT record_id, features, tokens FROM match_features
 WHERE workspace_id = :workspace_id AND record_id > :position AND record_id <= :last
 ORDER BY record_id;

-- name: stored_pairs
SELECT a, b, score, model FROM pairs
 WHERE workspace_id = :workspace_id AND (a, b) > (CAST(:a AS bigint), CAST(:b AS bigint))
 ORDER BY a, b LIMIT :many;

-- name: stored_links
SELECT a, b, kind, token, namespace, score, model, refused FROM links
 WHERE workspace_id = :workspace_id
   AND (a, b, kind, token) > (CAST(:a AS bigint), CAST(:b AS bigint), CAST(:kind AS text), CAST(:token AS bytea))
 ORDER BY a, b, kind, token LIMIT :many;

-- name: stored_identifiers
SELECT token, record_id FROM record_identifiers
 WHERE workspace_id = :workspace_id AND (token, record_id) > (CAST(:token AS bytea), CAST(:record_id AS bigint))
 ORDER BY token, record_id LIMIT :many;

-- name: links_of
SELECT a, b, kind, token, namespace, score FROM links
 WHERE workspace_id = :workspace_id AND a = ANY(CAST(:ids AS bigint[])) AND refused IS NULL;

-- name: rules_before
-- How many walks for a changed policy are under way, and the newest policy from before the oldest of them.
SELECT count(*) AS walks,
       (SELECT max(p.version) FROM policies p
         WHERE p.workspace_id = :workspace_id AND p.created_at < min(r.created_at)) AS version
  FROM refreshes r
 WHERE r.workspace_id = :workspace_id AND r.done_at IS NULL AND r.reason = 'policy';

-- name: end_walks
-- Walks for a changed policy are done; whoever holds one notices that its lease is gone.
UPDATE refreshes SET done_at = now(), lease = NULL, leased_until = NULL
 WHERE workspace_id = :workspace_id AND done_at IS NULL AND reason = 'policy'
RETURNING id;
