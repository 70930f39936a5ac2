-- MariaDB only: the conditions that every row of a table of the current database must meet.
-- table_name
-- constraint_name
-- check_clause     json_valid(`column`) is how a JSON column is declared
SELECT table_name, constraint_name, check_clause
FROM information_schema.check_constraints
WHERE constraint_schema = DATABASE()
  AND (@@lower_case_table_names <> 0 OR CAST(constraint_schema AS BINARY) = CAST(DATABASE() AS BINARY))
ORDER BY CAST(table_name AS BINARY), CAST(constraint_name AS BINARY)
