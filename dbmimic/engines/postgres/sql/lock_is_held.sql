-- held        whether somebody holds the advisory lock of that class and number in this database
-- parameters: class, token
SELECT EXISTS (SELECT FROM pg_locks l
                WHERE l.locktype = 'advisory'
                  AND l.granted
                  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
                  AND l.classid::int8 = %(class)s
                  AND l.objid::int8 = %(token)s
                  AND l.objsubid = 2);
