-- name: keys
SELECT id, purpose, active, created_at, wrapped FROM data_keys WHERE workspace_id = :workspace_id ORDER BY id;

-- name: lock_keys
-- Two rotations of one workspace take turns here.
SELECT FROM data_keys WHERE workspace_id = :workspace_id ORDER BY id FOR UPDATE;

-- name: announce
-- A key that opens and does not seal yet: every process learns of it before the first blob names it.
INSERT INTO data_keys (workspace_id, id, purpose, wrapped, active, created_at)
VALUES (:workspace_id, :id, 'seal', :wrapped, false, :now);

-- name: activate
-- Never back to an older key: another rotation may be further.
UPDATE data_keys SET active = (id = CAST(:id AS integer))
 WHERE workspace_id = :workspace_id AND purpose = 'seal'
   AND NOT EXISTS (SELECT FROM data_keys k
                    WHERE k.workspace_id = :workspace_id AND k.purpose = 'seal' AND k.active
                      AND k.id > CAST(:id AS integer));

-- name: begin_walks
INSERT INTO key_rotations (workspace_id, table_name, key_id, position, resealed, done_at)
SELECT :workspace_id, t.name, :id, NULL, 0, NULL FROM unnest(CAST(:tables AS text[])) AS t(name)
ON CONFLICT (workspace_id, table_name) DO UPDATE
   SET key_id = excluded.key_id, position = NULL, resealed = 0, done_at = NULL
 WHERE key_rotations.key_id <> excluded.key_id;

-- name: walk
SELECT position, resealed, done_at
  FROM key_rotations WHERE workspace_id = :workspace_id AND table_name = :table AND key_id = :id FOR UPDATE;

-- name: step
UPDATE key_rotations
   SET position = :position, resealed = resealed + CAST(:resealed AS integer), done_at = CAST(:done_at AS timestamptz)
 WHERE workspace_id = :workspace_id AND table_name = :table AND key_id = :id;

-- name: walk_again
UPDATE key_rotations SET position = NULL, done_at = NULL WHERE workspace_id = :workspace_id AND key_id = :id;

-- name: retire
-- Without its wrapped key every old copy of a blob is noise, in backups of the files as well.
DELETE FROM data_keys WHERE workspace_id = :workspace_id AND purpose = 'seal' AND id < :id AND NOT active;

-- name: rewrap
UPDATE data_keys AS k
   SET wrapped = t.wrapped
  FROM unnest(CAST(:ids AS integer[]), CAST(:wrappeds AS bytea[])) AS t(id, wrapped)
 WHERE k.workspace_id = :workspace_id AND k.id = t.id;

-- name: running
-- The transactions of others that run in this database now; each holds a lock on its own virtual id until it ends.
SELECT l.virtualxid
  FROM pg_locks l
  JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock' AND l.pid <> pg_backend_pid()
   AND a.usesysid IS NOT NULL
   AND a.datid = (SELECT oid FROM pg_database WHERE datname = current_database());
