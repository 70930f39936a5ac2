-- Those of some extensions that the role may not create: no version is trusted, and it is no superuser.
--
-- name         the extension's name
SELECT v.name
  FROM pg_available_extension_versions v
 WHERE v.name = ANY (%s::name[])
   AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = current_user AND r.rolsuper)
 GROUP BY v.name
HAVING bool_and(v.superuser AND NOT v.trusted)
 ORDER BY v.name;
