-- What tells rows of the tables asked for apart and is no key: unique indexes over expressions or of some rows only,
-- and exclusions.
--
-- table        the table's oid
-- name         the index's name
-- elements     its columns and expressions as PostgreSQL writes them, in order
-- parameters: the tables' oids
SELECT i.indrelid,
       x.relname,
       ARRAY(SELECT pg_get_indexdef(i.indexrelid, number, true)
               FROM generate_series(1, i.indnkeyatts) AS number
              ORDER BY number)
  FROM pg_index i
  JOIN pg_class x ON x.oid = i.indexrelid
 WHERE i.indrelid = ANY (%s::oid[])
   AND i.indisvalid
   AND (i.indisexclusion OR (i.indisunique AND (i.indpred IS NOT NULL OR i.indexprs IS NOT NULL)))
 ORDER BY i.indrelid, x.relname COLLATE "C";
