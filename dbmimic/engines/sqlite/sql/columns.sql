-- The columns of one table, in their order; the parameter is the table's name.
-- Columns: name, type (as declared), notnull (0 | 1), default (SQL text or NULL), pk (place in the primary key from 1,
-- or 0), hidden (0 plain, 2 virtual generated, 3 stored generated)
SELECT name, type, "notnull", dflt_value, pk, hidden
FROM pragma_table_xinfo(?)
WHERE hidden <> 1
ORDER BY cid
