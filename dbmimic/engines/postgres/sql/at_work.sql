-- How busy the server is; stands after `others`.
--
-- lag          by how many seconds a standby is behind, NULL on a primary
-- at_work      how many sessions of others run a statement, NULL where the role does not see them
-- present      whether others have a transaction open, which any role sees
-- connected    whether others have a session in this database
-- transactions how many this database has ended
SELECT CASE
           WHEN NOT pg_is_in_recovery() THEN NULL
           WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
           ELSE coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0)
       END::float8,
       CASE WHEN pg_has_role('pg_read_all_stats', 'USAGE') THEN (
           SELECT count(*) FROM others o WHERE o.backend_type = 'client backend' AND o.state = 'active'
       ) END,
       EXISTS (
           SELECT FROM pg_locks l JOIN others o USING (pid)
            WHERE l.locktype = 'virtualxid'
              AND l.mode = 'ExclusiveLock'  -- its own; who waits for it asks for another
              AND o.usesysid IS NOT NULL  -- no worker of the server itself
       ),
       EXISTS (SELECT FROM others o WHERE o.datname = current_database()),
       (SELECT s.xact_commit + s.xact_rollback FROM pg_stat_database s WHERE s.datname = current_database());
