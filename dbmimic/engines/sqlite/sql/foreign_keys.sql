-- The foreign keys of one table, a row for each of their columns; the parameter is the table's name.
-- Columns: id, parent (as spelled in the clause), child column, parent column (NULL where the clause names none), what
-- happens to the child when the parent is deleted and updated
SELECT id, "table", "from", "to", on_delete, on_update
FROM pragma_foreign_key_list(?)
ORDER BY id DESC, seq
