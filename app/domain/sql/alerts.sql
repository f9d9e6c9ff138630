-- name: raise
INSERT INTO alerts (workspace_id, id, kind, token, namespace, record_id, size, raised_at)
SELECT :workspace_id, nextval('thing_ids'), t.kind, t.token, t.namespace, t.record_id, t.size,
       CAST(:now AS timestamptz)
  FROM unnest(CAST(:kinds AS text[]), CAST(:tokens AS bytea[]), CAST(:namespaces AS text[]),
              CAST(:record_ids AS bigint[]), CAST(:sizes AS integer[]))
       AS t(kind, token, namespace, record_id, size)
ON CONFLICT (workspace_id, kind, token) WHERE settled_at IS NULL DO NOTHING;

-- name: settle
UPDATE alerts SET settled_at = CAST(:now AS timestamptz)
 WHERE workspace_id = :workspace_id AND kind = :kind AND settled_at IS NULL
   AND token = ANY(CAST(:tokens AS bytea[]));

-- name: open
SELECT id, kind, namespace, record_id, size, raised_at
  FROM alerts
 WHERE workspace_id = :workspace_id AND settled_at IS NULL AND id > :after
 ORDER BY id LIMIT :many;

-- name: close
UPDATE alerts SET settled_at = CAST(:now AS timestamptz)
 WHERE workspace_id = :workspace_id AND id = :id AND settled_at IS NULL
RETURNING id;
