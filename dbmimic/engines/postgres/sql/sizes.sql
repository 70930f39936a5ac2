-- The tables and materialized views of the database that hold rows, as the dump spells them, with their bytes, the
-- largest first; a partitioned table, which holds none itself, comes after what it is made of. One with a partition that is
-- a foreign table is left out: to gather its statistics the server would go to where that is.
SELECT format('%I.%I', n.nspname, c.relname),
       pg_table_size(c.oid)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm', 'p')
   AND c.relpersistence <> 't'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND n.nspname !~ '^pg_toast'
   AND NOT (c.relkind = 'p' AND EXISTS (SELECT FROM pg_partition_tree(c.oid) t
                                          JOIN pg_class l ON l.oid = t.relid
                                         WHERE l.relkind = 'f'))
 ORDER BY c.relkind = 'p', pg_table_size(c.oid) DESC, 1;
