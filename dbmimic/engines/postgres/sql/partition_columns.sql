-- The columns that a partition key reads, in plain or inside an expression.
--
-- table        the oid of the partitioned table, or of the partition that is partitioned again
-- column       the column's name
-- parameters: the oids of such tables
SELECT p.partrelid, a.attname
  FROM pg_partitioned_table p
  JOIN pg_attribute a ON a.attrelid = p.partrelid
 WHERE p.partrelid = ANY (%s::oid[])
   AND a.attnum > 0
   AND (a.attnum = ANY (p.partattrs::int2[])
        OR EXISTS (SELECT FROM pg_depend d  -- the columns of an expression are tied to the table as a whole
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = p.partrelid
                      AND d.refclassid = 'pg_class'::regclass AND d.refobjid = p.partrelid
                      AND (d.objsubid, d.refobjsubid) IN ((a.attnum, 0), (0, a.attnum))))
 ORDER BY p.partrelid, a.attnum;
