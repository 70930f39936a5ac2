-- The tables and materialized views of the database that hold rows, as the dump spells them, with their bytes, the
-- largest first; a partitioned table, which holds none itself, comes after what it is made of.
SELECT format('%I.%I', n.nspname, c.relname),
       pg_table_size(c.oid)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm', 'p')
   AND c.relpersistence <> 't'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND n.nspname !~ '^pg_toast'
 ORDER BY c.relkind = 'p', pg_table_size(c.oid) DESC, 1;
