-- What the catalogue holds, without what changes with rows: one row.
--
-- relations  a digest of what the relations are and who may use them
-- counts     how many rows each other table of the catalogue has: what was dropped leaves nothing else behind. Schemas
--            of temporary tables come and go, and the types and columns of what is in them
SELECT coalesce(md5(string_agg(concat_ws(' ', c.oid, c.relnamespace, c.relname, c.relkind, c.relpersistence, c.relowner,
                                         c.relacl, c.reloptions, c.reltablespace, c.relrowsecurity,
                                         c.relforcerowsecurity, c.relreplident, c.relispopulated, c.relpartbound, c.relam,
                                         c.reloftype), ','
                               ORDER BY c.oid)), ''),
       concat_ws(' ',
           (SELECT count(*) FROM pg_aggregate),
           (SELECT count(*) FROM pg_am),
           (SELECT count(*) FROM pg_amop),
           (SELECT count(*) FROM pg_amproc),
           (SELECT count(*) FROM pg_attrdef),
           (SELECT count(*) FROM pg_attribute
               WHERE attrelid NOT IN (SELECT oid FROM pg_class WHERE relpersistence = 't')),
           (SELECT count(*) FROM pg_cast),
           (SELECT count(*) FROM pg_collation),
           (SELECT count(*) FROM pg_constraint),
           (SELECT count(*) FROM pg_conversion),
           (SELECT count(*) FROM pg_default_acl),
           (SELECT count(*) FROM pg_depend),
           (SELECT count(*) FROM pg_description),
           (SELECT count(*) FROM pg_enum),
           (SELECT count(*) FROM pg_event_trigger),
           (SELECT count(*) FROM pg_extension),
           (SELECT count(*) FROM pg_foreign_data_wrapper),
           (SELECT count(*) FROM pg_foreign_server),
           (SELECT count(*) FROM pg_foreign_table),
           (SELECT count(*) FROM pg_index),
           (SELECT count(*) FROM pg_inherits),
           (SELECT count(*) FROM pg_init_privs),
           (SELECT count(*) FROM pg_language),
           (SELECT count(*) FROM pg_largeobject_metadata),
           (SELECT count(*) FROM pg_opclass),
           (SELECT count(*) FROM pg_operator),
           (SELECT count(*) FROM pg_opfamily),
           (SELECT count(*) FROM pg_partitioned_table),
           (SELECT count(*) FROM pg_policy),
           (SELECT count(*) FROM pg_proc),
           (SELECT count(*) FROM pg_publication),
           (SELECT count(*) FROM pg_publication_rel),
           (SELECT count(*) FROM pg_range),
           (SELECT count(*) FROM pg_rewrite),
           (SELECT count(*) FROM pg_seclabel),
           (SELECT count(*) FROM pg_sequence),
           (SELECT count(*) FROM pg_statistic_ext),
           (SELECT count(*) FROM pg_transform),
           (SELECT count(*) FROM pg_trigger),
           (SELECT count(*) FROM pg_ts_config),
           (SELECT count(*) FROM pg_ts_config_map),
           (SELECT count(*) FROM pg_ts_dict),
           (SELECT count(*) FROM pg_ts_parser),
           (SELECT count(*) FROM pg_ts_template),
           (SELECT count(*) FROM pg_type
               WHERE typnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_(toast_)?temp_')),
           (SELECT count(*) FROM pg_namespace
               WHERE nspname !~ '^pg_(toast_)?temp_'))
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname !~ '^pg_'
   AND n.nspname <> 'information_schema';
