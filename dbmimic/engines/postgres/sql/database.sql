-- The database that the session is in, and the server under it.
--
-- database     its name
-- knows_system whether the role may read the server's system identifier
-- standby      whether the server is a standby
-- encoding     its encoding's name
-- collate      its libc collation
-- ctype        its libc character classes
-- provider     c (libc), i (ICU) or b (built in)
-- locale       the locale of the other two providers, or NULL
SELECT current_database(),
       has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE'),
       pg_is_in_recovery(),
       pg_encoding_to_char(d.encoding),
       d.datcollate,
       d.datctype,
       coalesce(to_jsonb(d) ->> 'datlocprovider', 'c'),
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')
  FROM pg_database d
 WHERE d.datname = current_database();
