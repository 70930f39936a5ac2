-- What the leaves asked for let in: a condition for each partitioned table, met by every row that has a place in one.
--
-- table        the oid of the partitioned table at the root
-- condition    the condition as PostgreSQL writes it; a table is not in the answer where a leaf lets everything in
-- parameters: the leaves' oids
SELECT pg_partition_root(leaf)::oid,
       string_agg('(' || pg_get_partition_constraintdef(leaf) || ')', ' OR ' ORDER BY leaf)
  FROM unnest(%s::oid[]) AS leaf
 GROUP BY 1
HAVING bool_and(pg_get_partition_constraintdef(leaf) IS NOT NULL);
