-- Everything that a run reads, with what the role lacks for it. Run before the snapshot, outside a transaction.
--
-- kind        'table' or 'sequence'
-- schema      its schema's name
-- name        its own name
-- oid         its oid
-- usage       whether the role may use the schema
-- readable    whether the role may SELECT from it as a whole
-- partly      whether it may SELECT some of its columns, or all of them each for itself
-- filtered    whether row-level security would hide rows from the role
SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END,
       n.nspname,
       c.relname,
       c.oid,
       has_schema_privilege(n.oid, 'USAGE'),
       CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'SELECT')
                      ELSE has_table_privilege(c.oid, 'SELECT') END,
       c.relkind <> 'S' AND has_any_column_privilege(c.oid, 'SELECT'),
       c.relkind <> 'S' AND c.relrowsecurity AND row_security_active(c.oid)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'S')
   AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_'
   AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C";
