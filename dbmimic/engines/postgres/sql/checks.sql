-- The conditions that every row of the tables asked for must meet: the tables' own, and those of the domains of their
-- columns and of the elements of these.
--
-- table        the table's oid
-- name         the constraint's name
-- expression   the condition as PostgreSQL writes it; VALUE stands for the column of a domain
-- columns      the columns that it names
-- of_type      whether it is a domain's
-- parameters: the tables' oids
WITH RECURSIVE chain (start, type) AS (
    SELECT t.oid, t.oid
      FROM pg_type t
     WHERE (t.typtype = 'd' OR t.typcategory = 'A')
       AND t.oid IN (SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = ANY (%(tables)s::oid[]))
     UNION ALL
    SELECT chain.start, CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.typelem END
      FROM chain
      JOIN pg_type t ON t.oid = chain.type
     WHERE t.typtype = 'd' OR t.typcategory = 'A'
)
SELECT c.conrelid,
       c.conname,
       pg_get_expr(c.conbin, c.conrelid),
       ARRAY(SELECT a.attname::text
               FROM unnest(c.conkey) WITH ORDINALITY AS k (number, position)
               JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number
              ORDER BY k.position),
       false
  FROM pg_constraint c
 WHERE c.contype = 'c'
   AND c.convalidated
   AND c.conrelid = ANY (%(tables)s::oid[])
 UNION ALL
SELECT a.attrelid, c.conname, pg_get_expr(c.conbin, 0), ARRAY[a.attname::text], true
  FROM pg_attribute a
  JOIN chain ON chain.start = a.atttypid
  JOIN pg_constraint c ON c.contypid = chain.type AND c.contype = 'c' AND c.convalidated
 WHERE a.attrelid = ANY (%(tables)s::oid[])
   AND a.attnum > 0
   AND NOT a.attisdropped
 ORDER BY 1, 5, 2, 4;
