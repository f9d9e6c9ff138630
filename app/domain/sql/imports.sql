-- name: create
INSERT INTO imports (workspace_id, id, source_id, format, state, options, bytes, leased_until, created_at)
VALUES (:workspace_id, nextval('thing_ids'), :source_id, :format, 'uploading', :options, 0,
        now() + make_interval(secs => :silence), :now)
RETURNING id;

-- name: add_piece
-- Only while the upload is thought to be alive: one that was given up must not fill up again.
WITH alive AS (
  UPDATE imports SET bytes = bytes + :more, leased_until = now() + make_interval(secs => :silence)
   WHERE workspace_id = :workspace_id AND id = :id AND state = 'uploading'
  RETURNING id
)
INSERT INTO import_chunks (workspace_id, import_id, number, body)
SELECT :workspace_id, id, :number, :body FROM alive;

-- name: uploaded
UPDATE imports SET state = 'waiting', leased_until = NULL
 WHERE workspace_id = :workspace_id AND id = :id AND state = 'uploading';

-- name: give_up
-- From here on a worker clears the pieces and then says that it failed.
UPDATE imports SET state = 'running', leased_until = NULL, finished_at = :now, failure = :failure
 WHERE workspace_id = :workspace_id AND id = :id AND state = 'uploading';

-- name: give_up_silent
UPDATE imports SET state = 'running', leased_until = NULL, finished_at = :now, failure = :failure
 WHERE workspace_id = :workspace_id AND state = 'uploading' AND leased_until < now();

-- name: due
SELECT id FROM workspaces_with_imports(now()) AS due(id);

-- name: claim
WITH due AS MATERIALIZED (
  SELECT id FROM imports
   WHERE workspace_id = :workspace_id AND state IN ('waiting', 'running')
     AND (leased_until IS NULL OR leased_until < now())
   ORDER BY id
   LIMIT 1
     FOR UPDATE SKIP LOCKED
)
UPDATE imports AS i
   SET state = 'running', lease = CAST(:lease AS bigint), leased_until = now() + make_interval(secs => :seconds),
       attempts = i.attempts + 1
  FROM due
 WHERE i.workspace_id = :workspace_id AND i.id = due.id
RETURNING i.*;

-- name: extend
UPDATE imports SET leased_until = now() + make_interval(secs => :seconds)
 WHERE workspace_id = :workspace_id AND id = :id AND lease = CAST(:lease AS bigint) AND state = 'running';

-- name: let_go
-- The try did not fail for the file's sake: it does not count.
UPDATE imports SET leased_until = NULL, attempts = greatest(attempts - 1, 0)
 WHERE workspace_id = :workspace_id AND id = :id AND lease = CAST(:lease AS bigint) AND state = 'running';

-- name: hold
-- The fence: a worker that was paused past its lease, or that reads on from another place, finds nothing here.
SELECT id FROM imports
 WHERE workspace_id = :workspace_id AND id = :id AND lease = CAST(:lease AS bigint) AND state = 'running'
   AND position = :was AND finished_at IS NULL
   FOR UPDATE;

-- name: move
UPDATE imports
   SET position = :position, options = options || jsonb_build_object('line', CAST(:line AS bigint)),
       rows_read = rows_read + :rows, accepted = accepted + :accepted, duplicates = duplicates + :duplicates,
       rejected = rejected + :rejected, attempts = 0
 WHERE workspace_id = :workspace_id AND id = :id;

-- name: note_total
UPDATE imports SET options = options || jsonb_build_object('total', CAST(:total AS bigint))
 WHERE workspace_id = :workspace_id AND id = :id AND lease = CAST(:lease AS bigint);

-- name: finish
UPDATE imports SET finished_at = :now, failure = :failure
 WHERE workspace_id = :workspace_id AND id = :id AND lease = CAST(:lease AS bigint) AND state = 'running'
   AND finished_at IS NULL;

-- name: clear
-- A few at a time: a large file is many pieces. The piece -1 holds the column names for the rejected rows.
DELETE FROM import_chunks
 WHERE workspace_id = :workspace_id AND import_id = :id
   AND number IN (SELECT number FROM import_chunks
                   WHERE workspace_id = :workspace_id AND import_id = :id AND number >= 0 LIMIT :many);

-- name: end
UPDATE imports SET state = CASE WHEN failure IS NULL THEN 'done' ELSE 'failed' END, leased_until = NULL, lease = NULL
 WHERE workspace_id = :workspace_id AND id = :id AND lease = CAST(:lease AS bigint) AND state = 'running'
   AND finished_at IS NOT NULL;

-- name: piece
SELECT body FROM import_chunks WHERE workspace_id = :workspace_id AND import_id = :id AND number = :number;

-- name: put_columns
INSERT INTO import_chunks (workspace_id, import_id, number, body) VALUES (:workspace_id, :id, -1, :body)
ON CONFLICT (workspace_id, import_id, number) DO UPDATE SET body = excluded.body;

-- name: one
SELECT i.*, s.name AS source FROM imports i
  JOIN sources s ON s.workspace_id = i.workspace_id AND s.id = i.source_id
 WHERE i.workspace_id = :workspace_id AND i.id = :id;

-- name: page
-- Newest first.
SELECT i.*, s.name AS source FROM imports i
  JOIN sources s ON s.workspace_id = i.workspace_id AND s.id = i.source_id
 WHERE i.workspace_id = :workspace_id AND (CAST(:before AS bigint) IS NULL OR i.id < CAST(:before AS bigint))
 ORDER BY i.id DESC
 LIMIT :many;

-- name: rejected
SELECT id, position, code, pointer, detail, body FROM quarantine
 WHERE workspace_id = :workspace_id AND import_id = :import_id AND (position, id) > (:after, :after_id)
 ORDER BY position, id
 LIMIT :many;

-- name: add_page
INSERT INTO import_pages (workspace_id, import_id, first, positions, log_ids, repeats, read_at)
VALUES (:workspace_id, :id, :first, :positions, :log_ids, :repeats, :now);

-- name: row
-- Pages do not overlap and come in the order of the file: the row is in the last one that begins at it or before.
SELECT t.log_id, t.is_repeat, p.read_at
  FROM (SELECT positions, log_ids, repeats, read_at FROM import_pages
         WHERE workspace_id = :workspace_id AND import_id = :id AND first <= CAST(:position AS bigint)
         ORDER BY first DESC LIMIT 1) AS p
 CROSS JOIN LATERAL unnest(p.positions, p.log_ids, p.repeats) AS t(position, log_id, is_repeat)
 WHERE t.position = CAST(:position AS bigint);

-- name: row_aside
SELECT set_aside_at, code, state, replayed_as, settled_at FROM quarantine
 WHERE workspace_id = :workspace_id AND import_id = :id AND position = CAST(:position AS bigint)
 ORDER BY id LIMIT 1;
