-- Whether the server seems to have a database locale. ICU's and the built-in ones are taken for there.
--
-- known
-- parameters: provider, names (collation and character classes)
SELECT %(provider)s <> 'c' OR NOT EXISTS (
           SELECT FROM unnest(%(names)s::text[]) AS n (name)
            WHERE n.name NOT IN ('C', 'POSIX', 'C.UTF-8', 'C.utf8')
              AND n.name NOT IN (SELECT unnest(ARRAY[d.datcollate::text, d.datctype::text]) FROM pg_database d)
              AND lower(replace(n.name, '-', '')) NOT IN (
                      SELECT lower(replace(c.collcollate::text, '-', ''))
                        FROM pg_collation c WHERE c.collprovider = 'c' AND c.collcollate IS NOT NULL));
