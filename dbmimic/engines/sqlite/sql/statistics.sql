-- The number of rows of each table as the last ANALYZE counted it. Only where the table sqlite_stat1 exists.
-- Columns: table name, stat (text whose first word is the number of rows)
SELECT tbl, stat FROM sqlite_stat1
