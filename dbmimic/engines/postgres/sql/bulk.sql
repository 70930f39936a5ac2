-- What decides how a leaf's rows travel: one row, or none where the leaf is not there.
--
-- blocks    the heap's pages
-- bytes     the heap's bytes and those of its long values
-- rows      how many rows there are, as the last ANALYZE saw it; without one a guess
-- binary    whether the binary form of these columns means the same in any database: types of the catalogue itself
--           with a binary form, and none whose binary form holds a number that another database gives to another object
-- parameters: schema, name, columns (their names)
SELECT pg_relation_size(c.oid) / current_setting('block_size')::int8,
       pg_table_size(c.oid),
       CASE WHEN c.reltuples > 0 THEN c.reltuples::float8
            ELSE pg_relation_size(c.oid) / current_setting('block_size')::float8 * 50 END,
       NOT EXISTS (
           SELECT 1
             FROM pg_attribute a
             JOIN pg_type t ON t.oid = a.atttypid
             LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
            WHERE a.attrelid = c.oid
              AND a.attname = ANY (%(columns)s::text[])
              AND (t.oid >= 10000
                   OR t.typsend = 0
                   OR coalesce(e.typsend, 1) = 0
                   OR coalesce(e.typname, t.typname) ~ '^(reg|pg_|aclitem|oid|tid|xid|cid|refcursor|txid)'))
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %(schema)s
   AND c.relname = %(name)s;
