-- Who holds an advisory lock of the session's database, given its two numbers.
--
-- pid      the server process
-- role     whose session it is
-- address  where it comes from
-- since    when the session began
-- parameters: class, number
SELECT a.pid,
       coalesce(a.usename, 'unknown'),
       coalesce(host(a.client_addr), 'the server''s machine'),
       to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')
  FROM pg_locks l
  JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND l.classid::int8 = %(class)s::int8 & 4294967295
   AND l.objid::int8 = %(number)s::int8 & 4294967295;
