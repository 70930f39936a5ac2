-- The columns of all foreign keys of the current database, in key order.
-- table_name, constraint_name
-- column_name
-- referenced_table_schema, referenced_table_name, referenced_column_name
SELECT table_name, constraint_name, column_name,
       referenced_table_schema, referenced_table_name, referenced_column_name
FROM information_schema.key_column_usage
WHERE table_schema = DATABASE()
  AND (@@lower_case_table_names <> 0 OR CAST(table_schema AS BINARY) = CAST(DATABASE() AS BINARY))
  AND referenced_table_name IS NOT NULL
ORDER BY CAST(table_name AS BINARY), CAST(constraint_name AS BINARY), ordinal_position
