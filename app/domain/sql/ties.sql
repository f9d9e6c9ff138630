-- name: of_records
-- Decisions tie records of one component, so one side finds them; a pair below the threshold may reach out of it.
SELECT d.a, d.b, d.verdict, CAST(NULL AS double precision) AS score, CAST(NULL AS integer) AS model
  FROM decisions d
 WHERE d.workspace_id = :workspace_id AND d.revoked_at IS NULL AND d.a = ANY(CAST(:ids AS bigint[]))
UNION ALL
SELECT p.a, p.b, NULL, p.score, p.model
  FROM pairs p
 WHERE p.workspace_id = :workspace_id AND p.a = ANY(CAST(:ids AS bigint[]))
UNION ALL
SELECT p.a, p.b, NULL, p.score, p.model
  FROM pairs p
 WHERE p.workspace_id = :workspace_id AND p.b = ANY(CAST(:ids AS bigint[]));

-- name: drop_links
DELETE FROM links WHERE workspace_id = :workspace_id AND a = ANY(CAST(:record_ids AS bigint[]));

-- name: add_links
INSERT INTO links (workspace_id, a, b, kind, token, namespace, score, model, refused)
SELECT :workspace_id, t.a, t.b, t.kind, t.token, t.namespace, t.score, t.model, t.refused
  FROM unnest(CAST(:firsts AS bigint[]), CAST(:seconds AS bigint[]), CAST(:kinds AS text[]), CAST(:tokens AS bytea[]),
              CAST(:namespaces AS text[]), CAST(:scores AS double precision[]), CAST(:models AS integer[]),
              CAST(:refusals AS text[]))
       AS t(a, b, kind, token, namespace, score, model, refused)
ON CONFLICT DO NOTHING;

-- name: drop_reviews
DELETE FROM reviews
 WHERE workspace_id = :workspace_id
   AND (a, b) IN (SELECT r.a, r.b FROM reviews r
                   WHERE r.workspace_id = :workspace_id AND r.a = ANY(CAST(:record_ids AS bigint[]))
                  UNION ALL
                  SELECT r.a, r.b FROM reviews r
                   WHERE r.workspace_id = :workspace_id AND r.b = ANY(CAST(:record_ids AS bigint[])));

-- name: add_reviews
INSERT INTO reviews (workspace_id, a, b, worth, kind, namespace, score, refused)
SELECT :workspace_id, t.a, t.b, t.worth, t.kind, t.namespace, t.score, t.refused
  FROM unnest(CAST(:firsts AS bigint[]), CAST(:seconds AS bigint[]), CAST(:worths AS double precision[]),
              CAST(:kinds AS text[]), CAST(:namespaces AS text[]), CAST(:scores AS double precision[]),
              CAST(:refusals AS text[]))
       AS t(a, b, worth, kind, namespace, score, refused)
ON CONFLICT (workspace_id, a, b) DO UPDATE
   SET worth = excluded.worth, kind = excluded.kind, namespace = excluded.namespace, score = excluded.score,
       refused = excluded.refused;
