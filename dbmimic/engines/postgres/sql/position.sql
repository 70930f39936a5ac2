-- Where a source stands: one row.
--
-- history   the server's own run: its start, its last recovery from a crash (statistics begin anew then), whether it
--           replays, and the database's number
-- settled   every transaction below was over when the snapshot was taken
-- next      no transaction from it on had begun
-- types     a digest of the columns of composite types, which a dump tells by their names alone
SELECT concat_ws('/', extract(epoch FROM pg_postmaster_start_time()),
                 (SELECT extract(epoch FROM stats_reset) FROM pg_stat_bgwriter), pg_is_in_recovery(), d.oid),
       pg_snapshot_xmin(pg_current_snapshot())::text::int8,
       pg_snapshot_xmax(pg_current_snapshot())::text::int8,
       (SELECT coalesce(md5(string_agg(concat_ws(' ', a.attrelid, a.attnum, a.attname, a.atttypid), ','
                                       ORDER BY a.attrelid, a.attnum)), '')
          FROM pg_attribute a
          JOIN pg_class c ON c.oid = a.attrelid
         WHERE c.relkind = 'c'
           AND a.attnum > 0
           AND NOT a.attisdropped)
  FROM pg_database d
 WHERE d.datname = current_database();
