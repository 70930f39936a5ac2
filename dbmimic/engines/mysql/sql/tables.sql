-- All tables, views and sequences of the current database.
-- table_name      name
-- table_type      BASE TABLE, VIEW, SYSTEM VERSIONED, SEQUENCE
-- engine          storage engine
-- table_rows      estimate
-- create_time     when the table was made, altered or truncated last
-- create_options  holds `partitioned`
-- data_length     bytes of the rows, as the server guesses
SELECT table_name, table_type, engine, table_rows, create_time, create_options, data_length
FROM information_schema.tables
WHERE table_schema = DATABASE()
  AND (@@lower_case_table_names <> 0 OR CAST(table_schema AS BINARY) = CAST(DATABASE() AS BINARY))
ORDER BY CAST(table_name AS BINARY)
