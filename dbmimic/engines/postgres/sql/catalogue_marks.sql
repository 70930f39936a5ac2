-- A digest of what the relations are and who may use them, without what changes with their rows: one row.
SELECT coalesce(md5(string_agg(concat_ws(' ', c.oid, c.relnamespace, c.relname, c.relkind, c.relpersistence, c.relowner,
                                         c.relacl, c.reloptions, c.reltablespace, c.relrowsecurity,
                                         c.relforcerowsecurity, c.relreplident), ',' ORDER BY c.oid)), '')
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname !~ '^pg_'
   AND n.nspname <> 'information_schema';
