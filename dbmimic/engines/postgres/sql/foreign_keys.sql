-- Foreign keys as they were declared; the copies that PostgreSQL makes of them on partitions are left out.
--
-- name         the constraint's name
-- child        the oid of the relation that it sits on
-- parent       the oid of the relation that it references
-- columns      the child's columns in the key's order
-- referenced   the parent's columns in the same order
-- nullable     whether a child column may be NULL
-- match        f (full) or s (simple)
-- deferrable   whether it can be deferred
-- validated    whether all rows were checked against it and new ones are
-- period       whether its last column is a period (PERIOD, PostgreSQL 18)
-- on_delete    a (no action), r (restrict), c (cascade), n (set null) or d (set default)
-- on_update    the same
-- operators    one JSON array a column: the operator's schema and name, the types of its left (the parent's) and
--              right side or null where it takes any, and the schema and name of the parent column's collation, or
--              nulls where both sides have the same; of a period it is "overlaps" (&&)
SELECT c.conname,
       c.conrelid,
       c.confrelid,
       ARRAY(SELECT a.attname::text
               FROM unnest(c.conkey) WITH ORDINALITY AS k (number, position)
               JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number
              ORDER BY k.position),
       ARRAY(SELECT a.attname::text
               FROM unnest(c.confkey) WITH ORDINALITY AS k (number, position)
               JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number
              ORDER BY k.position),
       EXISTS (SELECT FROM pg_attribute a
                WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey) AND NOT a.attnotnull),
       c.confmatchtype::text,
       c.condeferrable,
       c.convalidated AND coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true),
       coalesce((to_jsonb(c) ->> 'conperiod')::boolean, false),
       c.confdeltype::text,
       c.confupdtype::text,
       ARRAY(SELECT json_build_array(
                        n.nspname,
                        o.oprname,
                        CASE l.typtype WHEN 'p' THEN NULL ELSE format_type(o.oprleft, -1) END,
                        CASE r.typtype WHEN 'p' THEN NULL ELSE format_type(o.oprright, -1) END,
                        m.nspname,
                        t.collname)::text
               FROM unnest(c.conpfeqop, c.conkey, c.confkey) WITH ORDINALITY AS k (operator, child, parent, position)
               JOIN pg_operator o ON o.oid = k.operator
               JOIN pg_namespace n ON n.oid = o.oprnamespace
               JOIN pg_type l ON l.oid = o.oprleft
               JOIN pg_type r ON r.oid = o.oprright
               JOIN pg_attribute ca ON ca.attrelid = c.conrelid AND ca.attnum = k.child
               JOIN pg_attribute pa ON pa.attrelid = c.confrelid AND pa.attnum = k.parent
               LEFT JOIN pg_collation t ON t.oid = pa.attcollation AND pa.attcollation <> ca.attcollation
               LEFT JOIN pg_namespace m ON m.oid = t.collnamespace
              ORDER BY k.position)
  FROM pg_constraint c
 WHERE c.contype = 'f'
   AND c.conparentid = 0
   AND c.conrelid = ANY (%(relations)s::oid[])
   AND c.confrelid = ANY (%(relations)s::oid[])
 ORDER BY c.conrelid, c.conname COLLATE "C";
