-- name: claim_keys
-- The keys that held no content yet. Rows come sorted, so that two requests that share keys meet in one order; whoever
-- comes second waits here until the first has committed, and then finds the key in `lock_keys`.
INSERT INTO latest_contents (workspace_id, source_id, key_token, content_token)
SELECT :workspace_id, :source_id, t.key_token, t.content_token
  FROM unnest(CAST(:key_tokens AS bytea[]), CAST(:content_tokens AS bytea[])) AS t(key_token, content_token)
ON CONFLICT (workspace_id, source_id, key_token) DO NOTHING
RETURNING key_token;

-- name: lock_keys
SELECT key_token, content_token
  FROM latest_contents
 WHERE workspace_id = :workspace_id AND source_id = :source_id AND key_token = ANY(CAST(:key_tokens AS bytea[]))
 ORDER BY key_token
   FOR UPDATE;

-- name: move_keys
INSERT INTO latest_contents (workspace_id, source_id, key_token, content_token)
SELECT :workspace_id, :source_id, t.key_token, t.content_token
  FROM unnest(CAST(:key_tokens AS bytea[]), CAST(:content_tokens AS bytea[])) AS t(key_token, content_token)
ON CONFLICT (workspace_id, source_id, key_token) DO UPDATE SET content_token = excluded.content_token;

-- name: forget_keys
-- Something newer was said under these keys with a time or an id of its own.
DELETE FROM latest_contents
 WHERE workspace_id = :workspace_id AND source_id = :source_id AND key_token = ANY(CAST(:key_tokens AS bytea[]));

-- name: holds_contents
-- Whether one of these sources said anything without a time or an id of its own.
SELECT EXISTS (SELECT FROM latest_contents
                WHERE workspace_id = :workspace_id AND source_id = ANY(CAST(:source_ids AS integer[])));
