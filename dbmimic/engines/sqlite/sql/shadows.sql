-- The tables by which virtual tables keep their rows: made and filled by the virtual table's module.
-- Columns: name
SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'
