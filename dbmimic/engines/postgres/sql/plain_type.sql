-- The type of a column without length or precision, to cast a text to; of a domain the type beneath.
--
-- type         as PostgreSQL spells it
-- parameters: the schema, the table, the column
WITH RECURSIVE chain (type) AS (
    SELECT a.atttypid
      FROM pg_attribute a
      JOIN pg_class c ON c.oid = a.attrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = %(schema)s
       AND c.relname = %(table)s
       AND a.attname = %(column)s
       AND NOT a.attisdropped
     UNION ALL
    SELECT t.typbasetype
      FROM chain
      JOIN pg_type t ON t.oid = chain.type
     WHERE t.typtype = 'd'
)
SELECT format_type(t.oid, -1)
  FROM chain
  JOIN pg_type t ON t.oid = chain.type
 WHERE t.typtype <> 'd';
