-- name: fresh_ids
SELECT nextval('thing_ids') AS id FROM generate_series(1, CAST(:many AS integer));

-- name: standing
-- The verdicts that stand for these pairs.
SELECT d.id, d.a, d.b, d.verdict
  FROM unnest(CAST(:firsts AS bigint[]), CAST(:seconds AS bigint[])) AS t(a, b)
  JOIN decisions d ON d.workspace_id = :workspace_id AND d.a = t.a AND d.b = t.b AND d.revoked_at IS NULL
 ORDER BY d.id;

-- name: add
INSERT INTO decisions (workspace_id, id, act_id, a, b, verdict, origin, reason, decided_by, decided_at)
SELECT :workspace_id, t.id, CAST(:act_id AS bigint), t.a, t.b, CAST(:verdict AS text), CAST(:origin AS text), t.reason,
       CAST(:by AS text), CAST(:now AS timestamptz)
  FROM unnest(CAST(:ids AS bigint[]), CAST(:firsts AS bigint[]), CAST(:seconds AS bigint[]), CAST(:reasons AS bytea[]))
       AS t(id, a, b, reason)
ON CONFLICT (workspace_id, a, b) WHERE revoked_at IS NULL DO NOTHING;

-- name: of_act
-- What of an act stands. With no act, the one decision.
SELECT d.id, d.a, d.b
  FROM decisions one
  JOIN decisions d
    ON d.workspace_id = one.workspace_id AND d.act_id = one.act_id
   AND (d.id = one.id OR CAST(:whole AS boolean)) AND d.revoked_at IS NULL
 WHERE one.workspace_id = :workspace_id AND one.id = :id
 ORDER BY d.a, d.b;

-- name: revoke
UPDATE decisions
   SET revoked_by = CAST(:by AS text), revoked_at = CAST(:now AS timestamptz)
 WHERE workspace_id = :workspace_id AND id = ANY(CAST(:ids AS bigint[])) AND revoked_at IS NULL
RETURNING id, a, b;

-- name: page
-- Newest first. A decision's link is there while something keeps its two sides apart, or it has united them.
SELECT d.id, d.act_id, d.a, d.b, d.verdict, d.origin, d.reason, d.decided_by, d.decided_at, d.revoked_by, d.revoked_at,
       l.refused
  FROM (SELECT *
          FROM decisions
         WHERE workspace_id = :workspace_id AND id < CAST(:before AS bigint)
           AND (CAST(:standing AS boolean) IS NULL OR (revoked_at IS NULL) = CAST(:standing AS boolean))
           AND (CAST(:act_id AS bigint) IS NULL OR act_id = CAST(:act_id AS bigint))
           AND (CAST(:record_ids AS bigint[]) IS NULL OR a = ANY(CAST(:record_ids AS bigint[]))
                OR b = ANY(CAST(:record_ids AS bigint[])))
         ORDER BY id DESC
         LIMIT :many) AS d
  LEFT JOIN links l
    ON l.workspace_id = :workspace_id AND l.a = d.a AND l.b = d.b AND l.kind = 'decision' AND d.revoked_at IS NULL
 ORDER BY d.id DESC;

-- name: some
SELECT d.id, d.act_id, d.a, d.b, d.verdict, d.origin, d.reason, d.decided_by, d.decided_at, d.revoked_by, d.revoked_at,
       l.refused
  FROM decisions d
  LEFT JOIN links l
    ON l.workspace_id = :workspace_id AND l.a = d.a AND l.b = d.b AND l.kind = 'decision' AND d.revoked_at IS NULL
 WHERE d.workspace_id = :workspace_id AND d.id = ANY(CAST(:ids AS bigint[]))
 ORDER BY d.id;

-- name: between
-- Decisions of a verdict that speak of records of two profiles, one in each.
SELECT d.id
  FROM source_records one
  JOIN decisions d
    ON d.workspace_id = :workspace_id AND d.a = one.id AND d.verdict = CAST(:verdict AS text) AND d.revoked_at IS NULL
  JOIN source_records other ON other.workspace_id = :workspace_id AND other.id = d.b
 WHERE one.workspace_id = :workspace_id AND one.component_id = CAST(:component_id AS bigint)
   AND ((one.profile_id = CAST(:one AS bigint) AND other.profile_id = CAST(:other AS bigint))
        OR (one.profile_id = CAST(:other AS bigint) AND other.profile_id = CAST(:one AS bigint)))
 ORDER BY d.id
 LIMIT :many;

-- name: record_ids_of_profile
SELECT s.id
  FROM profiles p
  JOIN source_records s
    ON s.workspace_id = p.workspace_id AND s.component_id = p.component_id AND s.profile_id = p.id
 WHERE p.workspace_id = :workspace_id AND p.id = :id
 ORDER BY s.id;

-- name: compositions
-- The versions at which records joined or parted, of the profiles that may have held them.
SELECT profile_id, version, at, other_id, joined, parted
  FROM profile_versions
 WHERE workspace_id = :workspace_id AND profile_id = ANY(CAST(:profile_ids AS bigint[]))
   AND (cardinality(joined) > 0 OR cardinality(parted) > 0)
 ORDER BY profile_id, version;
