-- name: all
SELECT name, type, class, rule, origin, description FROM traits WHERE workspace_id = :workspace_id ORDER BY name;

-- name: install
INSERT INTO traits (workspace_id, name, type, class, rule, origin, description, created_at)
SELECT :workspace_id, t.name, t.type, t.class, t.rule, t.origin, t.description, CAST(:now AS timestamptz)
  FROM unnest(CAST(:names AS text[]), CAST(:types AS text[]), CAST(:classes AS text[]), CAST(:rules AS text[]),
              CAST(:origins AS text[]), CAST(:descriptions AS text[]))
       AS t(name, type, class, rule, origin, description)
ON CONFLICT (workspace_id, name) DO NOTHING;

-- name: widen
-- A trait that registered itself takes the join of the types it has shown; a defined one keeps its type.
UPDATE traits
   SET type = t.type
  FROM unnest(CAST(:names AS text[]), CAST(:types AS text[])) AS t(name, type)
 WHERE traits.workspace_id = :workspace_id AND traits.name = t.name AND traits.origin = 'arrived'
   AND traits.type <> t.type;

-- name: define
INSERT INTO traits (workspace_id, name, type, class, rule, origin, description, created_at)
VALUES (:workspace_id, :name, :type, :class, :rule, 'defined', :description, :now)
ON CONFLICT (workspace_id, name) DO UPDATE
   SET type = excluded.type, class = excluded.class, rule = excluded.rule, description = excluded.description,
       origin = CASE traits.origin WHEN 'built_in' THEN 'built_in' ELSE 'defined' END;
