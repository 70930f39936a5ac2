-- Columns of the tables asked for, in their order, dropped ones left out; domains followed to their base type.
--
-- table        the table's oid
-- name         the column's name
-- type         its type as PostgreSQL spells it, with length or precision
-- bare         its type without length or precision, to cast a text to
-- nullable     whether it may be NULL, by the column and by its domains
-- identity     '' or a (always) or d (by default)
-- generated    '' or s (stored) or v (virtual)
-- default      the default or the generation expression, or NULL
-- base_schema  the base type's schema
-- base         the base type's name
-- typtype      the base type's kind: b, c, e, m, r
-- modifier     the base type's modifier, -1 where there is none
-- is_array     whether the base type is an array
-- members      an enum's members in their order, else empty
-- element_...  schema, name, kind, modifier and members of an array's elements, domains followed; else NULL
-- parameters: the tables' oids
WITH RECURSIVE chain (start, type, modifier, solid) AS (
    SELECT t.oid, t.oid, -1, false
      FROM pg_type t
     WHERE t.oid IN (SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = ANY (%(tables)s::oid[]))
     UNION ALL
    SELECT chain.start, t.typbasetype, t.typtypmod, chain.solid OR t.typnotnull
      FROM chain
      JOIN pg_type t ON t.oid = chain.type
     WHERE t.typtype = 'd'
)
SELECT a.attrelid,
       a.attname,
       format_type(a.atttypid, a.atttypmod),
       format_type(a.atttypid, -1),
       NOT (a.attnotnull OR chain.solid),
       a.attidentity::text,
       a.attgenerated::text,
       pg_get_expr(f.adbin, f.adrelid),
       n.nspname,
       b.typname,
       b.typtype::text,
       CASE WHEN chain.start = chain.type THEN a.atttypmod ELSE chain.modifier END,
       b.typcategory = 'A',
       ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = b.oid ORDER BY e.enumsortorder),
       element.schema,
       element.name,
       element.typtype,
       element.modifier,
       ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = element.oid ORDER BY e.enumsortorder)
  FROM pg_attribute a
  JOIN chain ON chain.start = a.atttypid
  JOIN pg_type b ON b.oid = chain.type AND b.typtype <> 'd'
  JOIN pg_namespace n ON n.oid = b.typnamespace
  LEFT JOIN LATERAL (
      WITH RECURSIVE up (type, modifier) AS (
          SELECT b.typelem, CASE WHEN chain.start = chain.type THEN a.atttypmod ELSE chain.modifier END
           WHERE b.typcategory = 'A'
           UNION ALL
          SELECT t.typbasetype, t.typtypmod
            FROM up
            JOIN pg_type t ON t.oid = up.type
           WHERE t.typtype = 'd'
      )
      SELECT t.oid, m.nspname AS schema, t.typname AS name, t.typtype::text AS typtype, up.modifier
        FROM up
        JOIN pg_type t ON t.oid = up.type AND t.typtype <> 'd'
        JOIN pg_namespace m ON m.oid = t.typnamespace
  ) AS element ON true
  LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
 WHERE a.attrelid = ANY (%(tables)s::oid[])
   AND a.attnum > 0
   AND NOT a.attisdropped
 ORDER BY a.attrelid, a.attnum;
