-- MariaDB only: the checks by which it declares a JSON column of the current database.
-- table_name
-- check_clause  json_valid(`column`)
SELECT table_name, check_clause
FROM information_schema.check_constraints
WHERE constraint_schema = DATABASE()
  AND (@@lower_case_table_names <> 0 OR CAST(constraint_schema AS BINARY) = CAST(DATABASE() AS BINARY))
  AND check_clause LIKE 'json\_valid(%'
