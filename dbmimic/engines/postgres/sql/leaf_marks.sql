-- What tells relations that hold rows apart.
--
-- schema, name
-- relation  its number and a digest of its columns by their numbers: one that was dropped and added again is another
-- place     the file that holds it: another after TRUNCATE, CLUSTER, VACUUM FULL
SELECT n.nspname,
       c.relname,
       concat_ws('/', c.oid,
                 (SELECT md5(string_agg(concat_ws(' ', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attcollation), ','
                                        ORDER BY a.attnum))
                    FROM pg_attribute a
                   WHERE a.attrelid = c.oid
                     AND a.attnum > 0
                     AND NOT a.attisdropped)),
       coalesce(pg_relation_filenode(c.oid), 0)::text
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r'
   AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_'
   AND n.nspname <> 'information_schema';
