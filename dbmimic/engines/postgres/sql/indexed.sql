-- Whether each of these relations has an index that begins with these columns, in any order: one row.
-- parameters: tables (each its schema and name), columns (names)
SELECT coalesce(bool_and(EXISTS (
           SELECT 1
             FROM pg_index i
            WHERE i.indrelid = c.oid
              AND i.indisvalid
              AND i.indpred IS NULL
              AND i.indnkeyatts >= cardinality(%(columns)s::text[])
              AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text COLLATE "C")
                     FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
                     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
                    WHERE k.place <= cardinality(%(columns)s::text[]))
                = (SELECT array_agg(name ORDER BY name COLLATE "C") FROM unnest(%(columns)s::text[]) AS name)
       )), false)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN json_array_elements(%(tables)s::json) AS t ON t ->> 0 = n.nspname AND t ->> 1 = c.relname;
