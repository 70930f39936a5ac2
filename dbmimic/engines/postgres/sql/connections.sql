-- How many connections there may be, how many there are, and what the limit is of; a limit below 0 is none.
--
-- limits       as JSON, each [limit, used, of]
SELECT json_build_array(
           json_build_array(
               current_setting('max_connections')::int
                   - CASE WHEN r.rolsuper THEN 0 ELSE current_setting('superuser_reserved_connections')::int
                       + coalesce(current_setting('reserved_connections', true)::int, 0) END,
               (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
               'the server'),
           json_build_array(
               r.rolconnlimit,
               (SELECT count(*) FROM pg_stat_activity a WHERE a.usesysid = r.oid AND a.backend_type = 'client backend'),
               'the role'),
           json_build_array(
               (SELECT d.datconnlimit FROM pg_database d WHERE d.datname = current_database()),
               (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usesysid IS NOT NULL),
               'the database'))
  FROM pg_roles r
 WHERE r.rolname = current_user;
