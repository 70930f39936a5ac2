-- Indexes without a condition or an expression, of the tables asked for: keys, and those that a B-tree keeps in order.
--
-- table        the table's oid
-- name         the index's name, which is the constraint's where there is one
-- primary      whether it is the primary key
-- unique       whether it is a key at all
-- once         whether it counts NULLs as equal, so that only one row may have them
-- columns      its columns in the key's order, columns that are only included left out
-- parameters: the tables' oids
SELECT i.indrelid,
       x.relname,
       i.indisprimary,
       i.indisunique,
       coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false),
       ARRAY(SELECT a.attname::text
               FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, position)
               JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
              WHERE k.position <= i.indnkeyatts
              ORDER BY k.position)
  FROM pg_index i
  JOIN pg_class x ON x.oid = i.indexrelid
  JOIN pg_am m ON m.oid = x.relam
 WHERE i.indrelid = ANY (%s::oid[])
   AND (i.indisunique OR m.amname = 'btree')
   AND i.indpred IS NULL
   AND i.indexprs IS NULL
   AND i.indisvalid
 ORDER BY i.indrelid, i.indisprimary DESC, x.relname COLLATE "C";
