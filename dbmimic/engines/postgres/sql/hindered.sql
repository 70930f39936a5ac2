-- Whether a table has what acts on its rows even where constraints and triggers are at rest, what hides rows from its
-- owner, or a key that is checked by a trigger: one row.
SELECT EXISTS (SELECT FROM pg_trigger t WHERE NOT t.tgisinternal AND t.tgenabled IN ('A', 'R')),
       EXISTS (SELECT FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
                WHERE c.relkind IN ('r', 'p') AND r.ev_enabled IN ('A', 'R')),
       EXISTS (SELECT FROM pg_class c WHERE c.relforcerowsecurity)
         AND NOT (SELECT r.rolsuper OR r.rolbypassrls FROM pg_roles r WHERE r.rolname = current_user),
       EXISTS (SELECT FROM pg_constraint WHERE contype IN ('p', 'u', 'x') AND condeferrable);
