-- Everything that a role must be granted to be read: what a run locks, reads or names, without what everybody may.
--
-- kind         'schema', 'table' or 'sequence', in this order
-- schema       its schema's name
-- name         its own name
-- filtered     whether row-level security is on
WITH lockable AS (
    SELECT c.oid, c.relnamespace, c.relkind, c.relname, c.relrowsecurity
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'S')
       AND c.relpersistence <> 't'
       AND n.nspname !~ '^pg_'
       AND n.nspname <> 'information_schema'
       AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), named AS (
    SELECT relnamespace AS oid FROM lockable
     UNION
    SELECT t.typnamespace
      FROM lockable l
      JOIN pg_constraint c ON c.conrelid = l.oid AND c.contype IN ('p', 'u', 'f', 'c')  -- rows are looked up and tried
      JOIN pg_attribute a ON a.attrelid = l.oid AND a.attnum = ANY (c.conkey)
      JOIN pg_type t ON t.oid = a.atttypid
)
SELECT kind, schema, name, filtered
  FROM (SELECT 1 AS place, 'schema' AS kind, n.nspname AS schema, '' AS name, false AS filtered
          FROM pg_namespace n
         WHERE n.oid IN (SELECT oid FROM named) AND n.nspname !~ '^pg_'
           AND NOT has_schema_privilege('public', n.oid, 'USAGE')
         UNION ALL
        SELECT CASE l.relkind WHEN 'S' THEN 3 ELSE 2 END, CASE l.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END,
               n.nspname, l.relname, l.relkind <> 'S' AND l.relrowsecurity
          FROM lockable l
          JOIN pg_namespace n ON n.oid = l.relnamespace
         WHERE NOT CASE l.relkind WHEN 'S' THEN has_sequence_privilege('public', l.oid, 'SELECT')
                                  ELSE has_table_privilege('public', l.oid, 'SELECT') END) AS found
 ORDER BY place, schema COLLATE "C", name COLLATE "C";
