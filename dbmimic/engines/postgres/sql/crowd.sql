-- How many sessions of others run a statement at this moment.
--
-- parameters: keeper (as in `waiting`)
SELECT count(*)
  FROM pg_stat_activity a
 WHERE a.state = 'active'
   AND a.backend_type = 'client backend'
   AND a.pid NOT IN (pg_backend_pid(), %(keeper)s)
   AND a.application_name <> 'dbmimic'
   AND a.application_name NOT LIKE 'dbmimic %%'  -- whoever reads a snapshot, the new copy's readers too
   AND NOT (a.application_name = 'pg_dump' AND a.usename = current_user);
