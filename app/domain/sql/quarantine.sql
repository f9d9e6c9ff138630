-- name: set_aside
INSERT INTO quarantine
       (workspace_id, id, source_id, kind, message_token, log_id, import_id, position, code, pointer, detail, body, state,
        set_aside_at)
SELECT :workspace_id, t.id, t.source_id, t.kind, t.message_token, t.log_id, t.import_id, t.position, t.code, t.pointer,
       t.detail, t.body, 'open', CAST(:now AS timestamptz)
  FROM unnest(CAST(:ids AS bigint[]), CAST(:source_ids AS integer[]), CAST(:kinds AS text[]),
              CAST(:message_tokens AS bytea[]), CAST(:log_ids AS bigint[]), CAST(:import_ids AS bigint[]),
              CAST(:positions AS bigint[]), CAST(:codes AS text[]), CAST(:pointers AS text[]),
              CAST(:details AS text[]), CAST(:bodies AS bytea[]))
       AS t(id, source_id, kind, message_token, log_id, import_id, position, code, pointer, detail, body);

-- name: held
SELECT held.id, held.message_token, held.body
  FROM unnest(CAST(:tokens AS bytea[])) AS t(token)
 CROSS JOIN LATERAL (
   SELECT id, message_token, body FROM quarantine
    WHERE workspace_id = :workspace_id AND message_token = t.token
    LIMIT :many) AS held;

-- name: fresh_ids
SELECT nextval('thing_ids') AS id FROM generate_series(1, CAST(:many AS integer));

-- name: page
SELECT id, source_id, kind, log_id, import_id, position, code, pointer, detail, state, set_aside_at, settled_at
  FROM quarantine
 WHERE workspace_id = :workspace_id AND id > :after
   AND (CAST(:state AS text) IS NULL OR state = CAST(:state AS text))
   AND (CAST(:code AS text) IS NULL OR code = CAST(:code AS text))
   AND (CAST(:source_id AS integer) IS NULL OR source_id = CAST(:source_id AS integer))
 ORDER BY id
 LIMIT :many;

-- name: one
SELECT id, source_id, kind, message_token, log_id, import_id, position, code, pointer, detail, body, state,
       replayed_as, set_aside_at, settled_at, resolution
  FROM quarantine WHERE workspace_id = :workspace_id AND id = :id
   FOR UPDATE;

-- name: fix
UPDATE quarantine SET body = :body WHERE workspace_id = :workspace_id AND id = :id AND state = 'open';

-- name: replayed
UPDATE quarantine SET state = 'replayed', replayed_as = :log_id, settled_at = :now
 WHERE workspace_id = :workspace_id AND id = :id AND state = 'open';

-- name: discard
UPDATE quarantine SET state = 'discarded', resolution = :reason, settled_at = :now
 WHERE workspace_id = :workspace_id AND id = :id AND state = 'open';
