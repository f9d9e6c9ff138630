-- name: in_force
SELECT version, body FROM policies WHERE workspace_id = :workspace_id ORDER BY version DESC LIMIT 1;
