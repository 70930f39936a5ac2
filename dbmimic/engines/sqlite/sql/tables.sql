-- Every table of the file that holds or shows rows, without SQLite's own and the shadow tables of virtual ones.
-- Columns: name text, kind ('table' | 'virtual'), without_rowid (0 | 1), strict (0 | 1), sql (the CREATE statement)
SELECT s.name, l.type, l.wr, l.strict, s.sql
FROM sqlite_schema AS s
JOIN pragma_table_list AS l ON l.schema = 'main' AND l.name = s.name
WHERE s.type = 'table' AND l.type IN ('table', 'virtual') AND s.name NOT LIKE 'sqlite\_%' ESCAPE '\'
ORDER BY s.name
