-- name: counts
-- How many records carry each blocking key, counted no further than the cap and one.
SELECT t.token, (
         SELECT count(*) FROM (
           SELECT FROM match_keys k
            WHERE k.workspace_id = :workspace_id AND k.token = t.token LIMIT t.cap + 1) AS capped) AS carried
  FROM unnest(CAST(:tokens AS bytea[]), CAST(:caps AS integer[])) AS t(token, cap);

-- name: holders
SELECT t.token, k.record_id
  FROM unnest(CAST(:tokens AS bytea[]), CAST(:caps AS integer[])) AS t(token, cap)
 CROSS JOIN LATERAL (
   SELECT m.record_id FROM match_keys m
    WHERE m.workspace_id = :workspace_id AND m.token = t.token LIMIT t.cap + 1) AS k;

-- name: features
SELECT record_id, features, tokens
  FROM match_features
 WHERE workspace_id = :workspace_id AND record_id = ANY(CAST(:ids AS bigint[]));

-- name: keep_features
-- The arrays of tokens travel as array literals: unnest would flatten an array of arrays.
INSERT INTO match_features (workspace_id, record_id, features, tokens)
SELECT :workspace_id, t.record_id, t.features, CAST(t.tokens AS bytea[])
  FROM unnest(CAST(:record_ids AS bigint[]), CAST(:features AS bytea[]), CAST(:tokens AS text[]))
       AS t(record_id, features, tokens)
ON CONFLICT (workspace_id, record_id) DO UPDATE SET features = excluded.features, tokens = excluded.tokens;

-- name: drop_features
DELETE FROM match_features WHERE workspace_id = :workspace_id AND record_id = ANY(CAST(:ids AS bigint[]));

-- name: add_keys
INSERT INTO match_keys (workspace_id, token, record_id)
SELECT :workspace_id, t.token, t.record_id
  FROM unnest(CAST(:tokens AS bytea[]), CAST(:record_ids AS bigint[])) AS t(token, record_id)
ON CONFLICT DO NOTHING;

-- name: drop_keys
DELETE FROM match_keys AS k
 USING unnest(CAST(:tokens AS bytea[]), CAST(:record_ids AS bigint[])) AS t(token, record_id)
 WHERE k.workspace_id = :workspace_id AND k.token = t.token AND k.record_id = t.record_id
   AND k.token = ANY(CAST(:tokens AS bytea[]));

-- name: pairs_of
SELECT a, b, score FROM pairs WHERE workspace_id = :workspace_id AND a = ANY(CAST(:ids AS bigint[]))
UNION
SELECT a, b, score FROM pairs WHERE workspace_id = :workspace_id AND b = ANY(CAST(:ids AS bigint[]));

-- name: drop_pairs
DELETE FROM pairs AS p
 USING unnest(CAST(:firsts AS bigint[]), CAST(:seconds AS bigint[])) AS t(a, b)
 WHERE p.workspace_id = :workspace_id AND p.a = t.a AND p.b = t.b AND p.a = ANY(CAST(:firsts AS bigint[]));

-- name: keep_pairs
INSERT INTO pairs (workspace_id, a, b, score, model)
SELECT :workspace_id, t.a, t.b, t.score, CAST(:model AS integer)
  FROM unnest(CAST(:firsts AS bigint[]), CAST(:seconds AS bigint[]), CAST(:scores AS double precision[]))
       AS t(a, b, score)
ON CONFLICT (workspace_id, a, b) DO UPDATE SET score = excluded.score, model = excluded.model;

-- name: places
-- Where records are now, and those that a standing decision names together with a record that is back.
SELECT id, component_id FROM source_records
 WHERE workspace_id = :workspace_id
   AND id = ANY(ARRAY(
         SELECT unnest(CAST(:ids AS bigint[]))
         UNION ALL
         SELECT d.b FROM decisions d
          WHERE d.workspace_id = :workspace_id AND d.revoked_at IS NULL AND d.a = ANY(CAST(:back AS bigint[]))
         UNION ALL
         SELECT d.a FROM decisions d
          WHERE d.workspace_id = :workspace_id AND d.revoked_at IS NULL AND d.b = ANY(CAST(:back AS bigint[]))));

-- name: model
SELECT version, created_at FROM models WHERE workspace_id = :workspace_id AND version = :version;

-- name: model_body
SELECT body FROM models WHERE workspace_id = :workspace_id AND version = :version;

-- name: models
SELECT version FROM models WHERE workspace_id = :workspace_id AND version < :before
 ORDER BY version DESC LIMIT :many;

-- name: newest_model
SELECT coalesce(max(version), 0) FROM models WHERE workspace_id = :workspace_id;

-- name: add_model
INSERT INTO models (workspace_id, version, origin, body, created_at)
VALUES (:workspace_id, :version, :origin, :body, :now)
ON CONFLICT (workspace_id, version) DO NOTHING
RETURNING version;

-- name: forget_features
DELETE FROM match_features WHERE workspace_id = :workspace_id;

-- name: forget_keys
DELETE FROM match_keys WHERE workspace_id = :workspace_id;

-- name: forget_pairs
DELETE FROM pairs WHERE workspace_id = :workspace_id;

-- name: forget_reviews
DELETE FROM reviews WHERE workspace_id = :workspace_id AND score IS NOT NULL;
