-- Sessions that wait for a lock of ours, and the table where that is what is locked.
--
-- pid         the waiting session
-- schema      the table's schema, or NULL
-- name        the table's name, or NULL
-- parameters: keeper (the process that holds the snapshot), mark (the name of the sessions that joined it)
WITH ours AS (
    SELECT a.pid
      FROM pg_stat_activity a
     WHERE a.pid = %(keeper)s
        OR (a.application_name = %(mark)s AND a.datname = current_database())
)
SELECT l.pid, min(n.nspname::text), min(c.relname::text)
  FROM pg_locks l
  LEFT JOIN pg_class c
    ON c.oid = l.relation
   AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
  LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT l.granted
   AND l.pid NOT IN (SELECT o.pid FROM ours o)
   AND pg_blocking_pids(l.pid) && ARRAY(SELECT o.pid FROM ours o)
 GROUP BY l.pid
 ORDER BY l.pid;
