-- Every object with a CREATE statement of its own, in the order of creation.
-- Columns: type ('table' | 'index' | 'view' | 'trigger'), name, table it belongs to, sql
SELECT type, name, tbl_name, sql
FROM sqlite_schema
WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
ORDER BY rowid
