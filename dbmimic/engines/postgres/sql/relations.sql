-- Tables, partitioned tables, their partitions, and foreign tables.
--
-- oid          its oid
-- schema       its schema's name
-- name         its own name
-- kind         relkind: r, p (partitioned, or a partition that is partitioned again) or f
-- root         the oid of the partitioned table that it is a partition of, else its own
-- ancestors    the oids of the partitioned tables above it, empty for all but partitions
-- rows         the planner's estimate of its rows, not negative
-- unlogged     whether a standby cannot read it
-- extension    whether an extension owns it
-- configured   whether it is an extension's table whose rows belong to the user
SELECT c.oid,
       n.nspname,
       c.relname,
       c.relkind::text,
       CASE WHEN c.relispartition THEN pg_partition_root(c.oid)::oid ELSE c.oid END,
       CASE WHEN c.relispartition
            THEN ARRAY(SELECT a.relid::oid FROM pg_partition_ancestors(c.oid) a WHERE a.relid <> c.oid)
            ELSE '{}'::oid[] END,
       greatest(c.reltuples, 0)::int8,
       c.relpersistence = 'u',
       x.oid IS NOT NULL,
       c.oid = ANY (coalesce(x.extconfig, '{}'))
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
  LEFT JOIN pg_extension x ON x.oid = d.refobjid
 WHERE c.relkind IN ('r', 'p', 'f')
   AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_'
   AND n.nspname <> 'information_schema'
 ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C";
