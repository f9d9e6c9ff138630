-- name: page
-- What is most worth a person's time first. The order is the index's, read backwards.
SELECT r.a, r.b, r.worth, r.kind, r.namespace, r.score, r.refused, p.model
  FROM reviews r
  LEFT JOIN pairs p ON p.workspace_id = :workspace_id AND p.a = r.a AND p.b = r.b
 WHERE r.workspace_id = :workspace_id
   AND (r.worth, r.a, r.b) < (CAST(:worth AS double precision), CAST(:a AS bigint), CAST(:b AS bigint))
 ORDER BY r.worth DESC, r.a DESC, r.b DESC
 LIMIT :many;

-- name: one
SELECT r.a, r.b, r.worth, r.kind, r.namespace, r.score, r.refused, p.model
  FROM reviews r
  LEFT JOIN pairs p ON p.workspace_id = :workspace_id AND p.a = r.a AND p.b = r.b
 WHERE r.workspace_id = :workspace_id AND r.a = CAST(:a AS bigint) AND r.b = CAST(:b AS bigint);
