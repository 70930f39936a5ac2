-- What the current database gives to new objects.
-- default_character_set_name, default_collation_name
SELECT default_character_set_name, default_collation_name
FROM information_schema.schemata
WHERE schema_name = DATABASE()
  AND (@@lower_case_table_names <> 0 OR CAST(schema_name AS BINARY) = CAST(DATABASE() AS BINARY))
