-- name: in_force
SELECT version, body, blocked FROM policies WHERE workspace_id = :workspace_id ORDER BY version DESC LIMIT 1;

-- name: at
SELECT body, blocked FROM policies WHERE workspace_id = :workspace_id AND version = :version;

-- name: versions
SELECT version, created_at FROM policies
 WHERE workspace_id = :workspace_id AND version < :before
 ORDER BY version DESC LIMIT :many;

-- name: put
INSERT INTO policies (workspace_id, version, body, blocked, created_at)
VALUES (:workspace_id, :version, :body, :blocked, :now)
ON CONFLICT (workspace_id, version) DO NOTHING
RETURNING version;
