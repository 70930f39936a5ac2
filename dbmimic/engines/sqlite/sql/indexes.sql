-- The columns of every index of one table; the parameter is the table's name.
-- Columns: index name, is_unique (0 | 1), origin ('c' CREATE INDEX, 'u' UNIQUE, 'pk'), partial (0 | 1),
-- column (NULL for an expression, and for the rowid)
SELECT l.name, l."unique", l.origin, l.partial, i.name
FROM pragma_index_list(?) AS l, pragma_index_info(l.name) AS i
ORDER BY l.name, i.seqno
