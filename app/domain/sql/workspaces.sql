-- name: directory
-- Only ids, names, salts and versions: what is needed before a transaction can name its workspace.
SELECT id, name, salt, catalog_version FROM workspace_directory();

-- name: next_id
SELECT CAST(nextval('workspace_ids') AS integer);

-- name: create
INSERT INTO workspaces (id, name, salt, created_at)
VALUES (:workspace_id, :name, :salt, :now)
ON CONFLICT (name) DO NOTHING
RETURNING id;

-- name: add_key
INSERT INTO data_keys (workspace_id, id, purpose, wrapped, active, created_at)
VALUES (:workspace_id, :id, :purpose, :wrapped, true, :now);

-- name: keys
SELECT id, purpose, wrapped, active FROM data_keys WHERE workspace_id = :workspace_id ORDER BY id;

-- name: catalog_version
SELECT catalog_version FROM workspaces WHERE id = :workspace_id;

-- name: bump_catalog
UPDATE workspaces SET catalog_version = catalog_version + 1 WHERE id = :workspace_id RETURNING catalog_version;

-- name: backlogs
SELECT workspace_id, waiting, oldest FROM workspace_backlogs(CAST(:cap AS integer));
