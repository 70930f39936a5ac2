-- The foreign keys of one table, a row for each of their columns; the parameter is the table's name.
-- Columns: id, parent (as spelled in the clause), child column, parent column (NULL where the clause names none)
SELECT id, "table", "from", "to"
FROM pragma_foreign_key_list(?)
ORDER BY id DESC, seq
