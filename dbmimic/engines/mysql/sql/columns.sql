-- All columns of the current database, invisible ones too.
-- table_name, column_name
-- column_type               the type as it is declared
-- is_nullable               YES or NO
-- column_default            expression or literal
-- extra                     auto_increment, VIRTUAL GENERATED, STORED GENERATED, INVISIBLE ...
-- character_maximum_length  characters; bytes for binary and TEXT types
-- numeric_precision, numeric_scale
-- character_set_name, collation_name   NULL where the type holds no text
SELECT table_name, column_name, column_type, is_nullable, column_default, extra,
       character_maximum_length, numeric_precision, numeric_scale, character_set_name, collation_name
FROM information_schema.columns
WHERE table_schema = DATABASE()
  AND (@@lower_case_table_names <> 0 OR CAST(table_schema AS BINARY) = CAST(DATABASE() AS BINARY))
ORDER BY CAST(table_name AS BINARY), ordinal_position
