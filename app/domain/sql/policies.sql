-- name: in_force
SELECT version, body FROM policies WHERE workspace_id = :workspace_id ORDER BY version DESC LIMIT 1;

-- name: put
INSERT INTO policies (workspace_id, version, body, created_at)
VALUES (:workspace_id, :version, :body, :now)
ON CONFLICT (workspace_id, version) DO NOTHING
RETURNING version;
