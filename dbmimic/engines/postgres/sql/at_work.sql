-- How busy the server is.
--
-- lag          by how many seconds a standby is behind, NULL on a primary
-- at_work      how many sessions of others run a statement, NULL where the role does not see them
-- transactions how many this database has ended
-- parameters: keeper, mark (as in `waiting`)
SELECT CASE
           WHEN NOT pg_is_in_recovery() THEN NULL
           WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
           ELSE coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0)
       END::float8,
       CASE WHEN pg_has_role('pg_read_all_stats', 'USAGE') THEN (
           SELECT count(*)
             FROM pg_stat_activity a
            WHERE a.backend_type = 'client backend'
              AND a.state = 'active'
              AND a.pid NOT IN (pg_backend_pid(), %(keeper)s)
              AND a.application_name NOT IN (%(mark)s, 'dbmimic')
       ) END,
       (SELECT s.xact_commit + s.xact_rollback FROM pg_stat_database s WHERE s.datname = current_database());
