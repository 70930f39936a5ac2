-- Materialized views that read a foreign table, over any number of views, partitions and children of tables.
--
-- oid
-- schema
-- name
WITH RECURSIVE edges AS (
    SELECT d.refobjid AS below, r.ev_class AS above
      FROM pg_depend d
      JOIN pg_rewrite r ON r.oid = d.objid
     WHERE d.classid = 'pg_rewrite'::regclass
       AND d.refclassid = 'pg_class'::regclass
     UNION
    SELECT i.inhrelid, i.inhparent
      FROM pg_inherits i
), far AS (
    SELECT c.oid
      FROM pg_class c
     WHERE c.relkind = 'f'
     UNION
    SELECT e.above
      FROM edges e
      JOIN far f ON f.oid = e.below
)
SELECT c.oid, n.nspname, c.relname
  FROM far f
  JOIN pg_class c ON c.oid = f.oid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'm'
 ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C";
