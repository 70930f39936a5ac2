-- Sessions in a database, by whether the role may end them.
--
-- ours         how many it may
-- others       how many it may not
-- parameters: name
SELECT count(*) FILTER (WHERE m.may), count(*) FILTER (WHERE NOT m.may)
  FROM pg_stat_activity a
 CROSS JOIN LATERAL (
           SELECT pg_has_role(a.usesysid, 'MEMBER') OR pg_has_role('pg_signal_backend', 'MEMBER')) AS m (may)
 WHERE a.datname = %(name)s AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid();
