-- name: counted
SELECT (SELECT count(*) FROM ingest_log WHERE workspace_id = :workspace_id) AS entries,
       (SELECT count(*) FROM ingest_queue WHERE workspace_id = :workspace_id) AS pending,
       (SELECT count(*) FROM source_records WHERE workspace_id = :workspace_id) AS records,
       (SELECT count(*) FROM source_records WHERE workspace_id = :workspace_id AND NOT removed) AS live_records,
       (SELECT count(*) FROM profiles WHERE workspace_id = :workspace_id) AS profiles;

-- name: fates
SELECT fate, count(*) AS many FROM fates WHERE workspace_id = :workspace_id GROUP BY fate ORDER BY fate;

-- name: without_fate
SELECT l.id FROM ingest_log l
 WHERE l.workspace_id = :workspace_id
   AND NOT EXISTS (SELECT FROM fates f WHERE f.workspace_id = l.workspace_id AND f.log_id = l.id)
   AND NOT EXISTS (SELECT FROM ingest_queue q WHERE q.workspace_id = l.workspace_id AND q.log_id = l.id);

-- name: settled_and_waiting
SELECT q.log_id AS id FROM ingest_queue q
  JOIN fates f ON f.workspace_id = q.workspace_id AND f.log_id = q.log_id
 WHERE q.workspace_id = :workspace_id;

-- name: without_entry
SELECT each.id
  FROM (SELECT f.log_id AS id FROM fates f WHERE f.workspace_id = :workspace_id
        UNION ALL SELECT q.log_id FROM ingest_queue q WHERE q.workspace_id = :workspace_id
        UNION ALL SELECT e.log_id FROM events e WHERE e.workspace_id = :workspace_id) AS each
 WHERE NOT EXISTS (SELECT FROM ingest_log l WHERE l.workspace_id = :workspace_id AND l.id = each.id);

-- name: without_reason
-- Set aside, and not to be found among what was set aside; or of another end, with nothing that says why.
SELECT f.log_id AS id FROM fates f
  JOIN ingest_log l ON l.workspace_id = f.workspace_id AND l.id = f.log_id
 WHERE f.workspace_id = :workspace_id AND f.fate <> 'applied'
   AND (f.reason IS NULL
        OR (f.fate = 'quarantined'
            AND NOT EXISTS (SELECT FROM quarantine z
                             WHERE z.workspace_id = f.workspace_id AND z.message_token = l.message_token
                               AND z.log_id = f.log_id)));

-- name: applied_to_nothing
SELECT f.log_id AS id FROM fates f
 WHERE f.workspace_id = :workspace_id AND f.fate = 'applied'
   AND NOT EXISTS (SELECT FROM source_records s WHERE s.workspace_id = f.workspace_id AND s.id = f.record_id);

-- name: links_to_nobody
SELECT l.a AS id FROM links l
 WHERE l.workspace_id = :workspace_id
   AND 2 > (SELECT count(*) FROM source_records s
             WHERE s.workspace_id = l.workspace_id AND s.id IN (l.a, l.b) AND NOT s.removed);

-- name: carried_by_nobody
SELECT r.record_id AS id FROM record_identifiers r
 WHERE r.workspace_id = :workspace_id
   AND NOT EXISTS (SELECT FROM source_records s WHERE s.workspace_id = r.workspace_id AND s.id = r.record_id);

-- name: records
SELECT id, source_id, key_token, profile_id, component_id, born_at, removed, state
  FROM source_records WHERE workspace_id = :workspace_id ORDER BY id;

-- name: words
-- Everything that was applied, record by record in the order of the log. What is sorted are ids: the words are read by
-- their place in the log.
SELECT f.record_id, l.id AS log_id, l.source_id, l.kind, l.received_at, l.message_token, l.body
  FROM (SELECT record_id, log_id FROM fates
         WHERE workspace_id = :workspace_id AND fate = 'applied' AND record_id IS NOT NULL
         ORDER BY record_id, log_id OFFSET 0) AS f
  CROSS JOIN LATERAL (
    SELECT * FROM ingest_log
     WHERE workspace_id = :workspace_id AND id = f.log_id OFFSET 0) AS l
 ORDER BY f.record_id, f.log_id;

-- name: carried
SELECT record_id, token FROM record_identifiers WHERE workspace_id = :workspace_id ORDER BY record_id;

-- name: events
-- The events of each record in one line, so that a missing, a doubled or a moved one shows.
SELECT record_id, count(*) AS many, sum(log_id) AS log_ids, sum(type) AS types,
       sum(CAST(extract(epoch FROM occurred_at) * 1000000 AS numeric)) AS instants
  FROM events WHERE workspace_id = :workspace_id GROUP BY record_id ORDER BY record_id;

-- name: components
SELECT id, source_id, profile_id, component_id, state
  FROM source_records
 WHERE workspace_id = :workspace_id AND NOT removed
 ORDER BY component_id, id;

-- name: profiles
SELECT id, component_id, live, public, sealed, proof
  FROM profiles WHERE workspace_id = :workspace_id AND id = ANY(CAST(:ids AS bigint[]));

-- name: links
SELECT a, b, kind, token, namespace, score, model, refused FROM links
 WHERE workspace_id = :workspace_id AND a = ANY(CAST(:ids AS bigint[]));

-- name: bridges
-- Identifiers that records of more than one component carry: none of them may be one that links.
SELECT r.namespace, count(*) AS carried, min(r.record_id) AS id
  FROM record_identifiers r
  JOIN source_records s ON s.workspace_id = r.workspace_id AND s.id = r.record_id
 WHERE r.workspace_id = :workspace_id
 GROUP BY r.token, r.namespace
HAVING count(DISTINCT s.component_id) > 1;

-- name: histories
SELECT id, version, live, public, sealed, proof FROM profiles WHERE workspace_id = :workspace_id ORDER BY id;

-- name: versions
SELECT profile_id, version, joined, parted, whole, body
  FROM profile_versions WHERE workspace_id = :workspace_id ORDER BY profile_id, version;

-- name: members
SELECT profile_id, id FROM source_records
 WHERE workspace_id = :workspace_id AND profile_id IS NOT NULL ORDER BY profile_id, id;
