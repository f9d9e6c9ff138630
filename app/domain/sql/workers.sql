-- name: enlist
INSERT INTO workers (workspace_id, lease, started_at) VALUES (:workspace_id, :lease, now());

-- name: is_enlisted
SELECT EXISTS (SELECT FROM workers WHERE workspace_id = :workspace_id AND lease = CAST(:lease AS bigint));

-- name: dead
-- Workers whose advisory lock is free: a process that ended, however it ended, holds none.
SELECT w.lease
  FROM workers w
 WHERE w.workspace_id = :workspace_id
   AND NOT EXISTS (SELECT FROM pg_locks l
                    WHERE l.locktype = 'advisory' AND l.database = (SELECT oid FROM pg_database
                                                                     WHERE datname = current_database())
                      AND l.classid = CAST(:class AS oid) AND l.objid = CAST(w.lease % 2147483648 AS oid)
                      AND l.objsubid = 2);

-- name: release
UPDATE ingest_queue SET leased_until = NULL WHERE workspace_id = :workspace_id AND lease = ANY(CAST(:leases AS bigint[]));

-- name: release_imports
UPDATE imports SET leased_until = NULL
 WHERE workspace_id = :workspace_id AND state = 'running' AND lease = ANY(CAST(:leases AS bigint[]));

-- name: strike
DELETE FROM workers WHERE workspace_id = :workspace_id AND lease = ANY(CAST(:leases AS bigint[]));

-- name: due
SELECT id FROM workspaces_with_work(now()) AS due(id);

-- name: clock
-- One clock for all workers: what they make is dated in one order, whatever their machines think.
SELECT clock_timestamp();
