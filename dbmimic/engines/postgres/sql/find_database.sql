-- One database by its name.
--
-- name         its name
-- owner        its owner's name
-- comment      its comment, or NULL
-- connections  its connection limit, -1 for none
-- privileges   what was granted on it as JSON (grantee or '' for everybody, privilege, whether with grant option), the
--              owner's own left out, or NULL where it still has the default
-- settings     what ALTER DATABASE and ALTER ROLE IN DATABASE set, as JSON (role or '', name=value)
-- template     whether other databases are made from it
-- parameters: name
SELECT d.datname,
       pg_get_userbyid(d.datdba),
       shobj_description(d.oid, 'pg_database'),
       d.datconnlimit,
       CASE WHEN d.datacl IS NOT NULL THEN
           (SELECT coalesce(json_agg(json_build_array(coalesce(r.rolname, ''), a.privilege_type, a.is_grantable)), '[]')
              FROM aclexplode(d.datacl) a
              LEFT JOIN pg_roles r ON r.oid = a.grantee
             WHERE a.grantee <> d.datdba) END,
       (SELECT coalesce(json_agg(json_build_array(coalesce(r.rolname, ''), c.setting)), '[]')
          FROM pg_db_role_setting s
          LEFT JOIN pg_roles r ON r.oid = s.setrole
         CROSS JOIN unnest(s.setconfig) AS c (setting)
         WHERE s.setdatabase = d.oid),
       d.datistemplate
  FROM pg_database d
 WHERE d.datname = %(name)s;
