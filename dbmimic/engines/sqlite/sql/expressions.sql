-- The statements of one table's unique indexes over expressions or of some rows only; the parameter is the table's name.
-- Columns: index name, sql (the CREATE statement)
SELECT l.name, s.sql
FROM pragma_index_list(?) AS l
JOIN sqlite_schema AS s ON s.type = 'index' AND s.name = l.name
WHERE l."unique" AND s.sql IS NOT NULL
  AND (l.partial OR EXISTS (SELECT 1 FROM pragma_index_info(l.name) AS i WHERE i.name IS NULL))
ORDER BY l.name
