-- name: links
-- What holds these records together. A link of the kind decision names the one that stands.
SELECT l.a, l.b, l.kind, l.namespace, l.score, l.model, d.id AS decision_id, l.refused
  FROM links l
  LEFT JOIN decisions d
    ON d.workspace_id = :workspace_id AND d.a = l.a AND d.b = l.b AND d.revoked_at IS NULL AND l.kind = 'decision'
 WHERE l.workspace_id = :workspace_id AND l.a = ANY(CAST(:ids AS bigint[])) AND l.b = ANY(CAST(:ids AS bigint[]))
   AND l.refused IS NULL
 ORDER BY l.a, l.b, l.kind, l.namespace;

-- name: refused
-- Links that were refused to the records of a profile: both ends are in its component.
SELECT l.a, l.b, l.kind, l.namespace, l.score, l.model, d.id AS decision_id, l.refused
  FROM source_records one
  JOIN links l ON l.workspace_id = :workspace_id AND l.a = one.id AND l.refused IS NOT NULL
  JOIN source_records other ON other.workspace_id = :workspace_id AND other.id = l.b
  LEFT JOIN decisions d
    ON d.workspace_id = :workspace_id AND d.a = l.a AND d.b = l.b AND d.revoked_at IS NULL AND l.kind = 'decision'
 WHERE one.workspace_id = :workspace_id AND one.component_id = CAST(:component_id AS bigint)
   AND CAST(:profile_id AS bigint) IN (one.profile_id, other.profile_id)
 ORDER BY l.a, l.b, l.kind, l.namespace
 LIMIT :many;
