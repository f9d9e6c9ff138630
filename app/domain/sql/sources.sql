-- name: create
INSERT INTO sources (workspace_id, name, kind, priority, declared, one_per_person, created_at)
VALUES (:workspace_id, :name, :kind, :priority, :declared, :one_per_person, :now)
ON CONFLICT (workspace_id, name) DO NOTHING
RETURNING id;

-- name: set_write_key
UPDATE sources SET write_key_token = :token, write_key = :sealed WHERE workspace_id = :workspace_id AND id = :id;

-- name: declare
-- What was declared until now stays with the messages that were accepted under it.
UPDATE sources
   SET priority = :priority, declared = :declared, kind = :kind, one_per_person = :one_per_person,
       earlier = CASE WHEN CAST(:is_news AS boolean)
                      THEN earlier || jsonb_build_object('until', nextval('log_ids'), 'declared', declared)
                      ELSE earlier END
 WHERE workspace_id = :workspace_id AND name = :name
RETURNING id;

-- name: disable
UPDATE sources SET disabled_at = :now WHERE workspace_id = :workspace_id AND name = :name RETURNING id;

-- name: all
SELECT id, name, kind, priority, declared, earlier, one_per_person, disabled_at, created_at,
       write_key_token IS NOT NULL AS has_key
  FROM sources WHERE workspace_id = :workspace_id ORDER BY id;

-- name: write_key
SELECT write_key FROM sources WHERE workspace_id = :workspace_id AND id = :id;

-- name: by_write_key
SELECT id FROM sources WHERE workspace_id = :workspace_id AND write_key_token = :token AND disabled_at IS NULL;
