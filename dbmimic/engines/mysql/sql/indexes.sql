-- The columns of all ordered indexes of the current database, in key order.
-- table_name, index_name
-- column_name  NULL for an expression
-- sub_part     length of the indexed prefix, NULL for the whole column
-- non_unique   0 for a key
SELECT table_name, index_name, column_name, sub_part, non_unique
FROM information_schema.statistics
WHERE table_schema = DATABASE()
  AND (@@lower_case_table_names <> 0 OR CAST(table_schema AS BINARY) = CAST(DATABASE() AS BINARY))
  AND (non_unique = 0 OR index_type = 'BTREE')
ORDER BY CAST(table_name AS BINARY), CAST(index_name AS BINARY), seq_in_index
