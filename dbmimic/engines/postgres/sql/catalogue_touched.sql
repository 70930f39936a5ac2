-- Whether the catalogue beside pg_class holds a row of a transaction from the given one on: one row.
--
-- Schemas of temporary tables come and go, and the types and columns of what is in them; a table that is written anew
-- (VACUUM FULL, REFRESH) depends internally on another file.
-- parameters: since (a transaction's number, as text)
WITH since AS (SELECT age(%(since)s::xid) AS age),
recent AS (
    SELECT 1 FROM pg_aggregate WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_am WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_amop WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_amproc WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_attrdef WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_attribute WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
       AND attrelid NOT IN (SELECT oid FROM pg_class WHERE relpersistence = 't')
    UNION ALL
    SELECT 1 FROM pg_cast WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_collation WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_constraint WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_conversion WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_default_acl WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_depend WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since) AND deptype <> 'i'
    UNION ALL
    SELECT 1 FROM pg_description WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_enum WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_event_trigger WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_extension WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_foreign_data_wrapper WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_foreign_server WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_foreign_table WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_index WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_inherits WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_init_privs WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_language WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_largeobject_metadata WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_opclass WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_operator WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_opfamily WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_partitioned_table WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_policy WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_proc WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_publication WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_publication_rel WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_range WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_rewrite WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_seclabel WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_sequence WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_statistic_ext WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_transform WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_trigger WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_ts_config WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_ts_config_map WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_ts_dict WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_ts_parser WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_ts_template WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
    UNION ALL
    SELECT 1 FROM pg_type WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since)
       AND typnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_(toast_)?temp_')
    UNION ALL
    SELECT 1 FROM pg_namespace WHERE age(xmin) BETWEEN 0 AND (SELECT age FROM since) AND nspname !~ '^pg_(toast_)?temp_'
)
SELECT EXISTS (SELECT FROM recent);
