-- The sessions of others, for the statements that ask about them (`at_work`, `crowd`), before which this stands.
--
-- parameters: keeper (as in `waiting`)
WITH others AS (
    SELECT a.pid, a.usesysid, a.backend_type, a.state, a.datname
      FROM pg_stat_activity a
     WHERE a.pid NOT IN (pg_backend_pid(), %(keeper)s)
       AND a.application_name <> 'dbmimic'
       AND a.application_name NOT LIKE 'dbmimic %%'  -- whoever reads a snapshot, the new copy's readers too
       AND NOT (a.application_name = 'pg_dump' AND a.usename = current_user)  -- reads our structure
)
