-- Who holds or awaits a lock that shuts readers out of some tables.
--
-- schema      the table's schema
-- name        the table's name
-- pid         the session's process id
-- parameters: the tables' oids
SELECT n.nspname, c.relname, l.pid
  FROM pg_locks l
  JOIN pg_class c ON c.oid = l.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE l.locktype = 'relation'
   AND l.mode = 'AccessExclusiveLock'
   AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
   AND l.relation = ANY (%s::oid[])
 ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C", l.granted DESC;
