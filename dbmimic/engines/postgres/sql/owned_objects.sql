-- Everything in the database that a role may own and that belongs to no extension, as ALTER ... OWNER TO names it:
-- schemas first, because who is to own what is in them must be able to create there.
--
-- kind      the word of the statement
-- identity  the object's name, quoted and with its schema
SELECT CASE i.type
           WHEN 'statistics object' THEN 'STATISTICS'
           WHEN 'view' THEN 'TABLE' WHEN 'materialized view' THEN 'TABLE' WHEN 'sequence' THEN 'TABLE'
           WHEN 'foreign table' THEN 'TABLE' WHEN 'composite type' THEN 'TYPE'
           WHEN 'function' THEN 'ROUTINE' WHEN 'procedure' THEN 'ROUTINE' WHEN 'aggregate' THEN 'ROUTINE'
           ELSE upper(i.type) END AS kind,
       i.identity
  FROM (SELECT 'pg_namespace'::regclass::oid AS class, oid FROM pg_namespace
         WHERE nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema') AND nspname NOT LIKE 'pg\_temp\_%'
           AND nspname NOT LIKE 'pg\_toast\_temp\_%'
        UNION ALL
        SELECT 'pg_class'::regclass, c.oid FROM pg_class c
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
           -- a sequence of a column follows its table
           AND NOT EXISTS (SELECT FROM pg_depend d
                            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND c.relkind = 'S'
                              AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i'))
        UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc
        UNION ALL
        SELECT 'pg_type'::regclass, t.oid FROM pg_type t
         WHERE t.typtype <> 'm'
           AND NOT (t.typelem <> 0 AND t.typlen = -1)
           AND (t.typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
        UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator
        UNION ALL SELECT 'pg_opclass'::regclass, oid FROM pg_opclass
        UNION ALL SELECT 'pg_opfamily'::regclass, oid FROM pg_opfamily
        UNION ALL SELECT 'pg_collation'::regclass, oid FROM pg_collation
        UNION ALL SELECT 'pg_conversion'::regclass, oid FROM pg_conversion
        UNION ALL SELECT 'pg_ts_config'::regclass, oid FROM pg_ts_config
        UNION ALL SELECT 'pg_ts_dict'::regclass, oid FROM pg_ts_dict
        UNION ALL SELECT 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext
        UNION ALL SELECT 'pg_largeobject'::regclass, oid FROM pg_largeobject_metadata) AS o
 CROSS JOIN LATERAL pg_identify_object(o.class, o.oid, 0) AS i
 -- what initdb made is nobody's but for the schema public; said of `o` alone, so that no other is looked at
 WHERE (o.oid >= 16384 OR o.class = 'pg_namespace'::regclass)
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e')
 ORDER BY o.class <> 'pg_namespace'::regclass, o.class, o.oid;
