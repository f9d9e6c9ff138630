-- name: in_force
SELECT version, body, blocked FROM policies WHERE workspace_id = :workspace_id ORDER BY version DESC LIMIT 1;

-- name: put
INSERT INTO policies (workspace_id, version, body, blocked, created_at)
VALUES (:workspace_id, :version, :body, :blocked, :now)
ON CONFLICT (workspace_id, version) DO NOTHING
RETURNING version;
