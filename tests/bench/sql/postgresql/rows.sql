-- h(n, k): the k-th number of row n, below 2^31; the same on every engine.
CREATE FUNCTION h(n bigint, k bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS 'SELECT (n * (48271 + 2 * k) + k * 7919) % 2147483647';
-- syllables(x): a word of three syllables, one of 8000.
CREATE FUNCTION syllables(x bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  'SELECT substr(''BaCeDiFoGuHaJeKiLoMuNaPeRiSoTuVaWeXiYoZu'', (1 + 2 * (x % 20))::int, 2)
       || substr(''bacedifoguhajekilomunaperisotuvawexiyozu'', (1 + 2 * (x / 20 % 20))::int, 2)
       || substr(''rolenisatumiveparodekilonahesuticafenoda'', (1 + 2 * (x / 400 % 20))::int, 2)';

INSERT INTO categories SELECT i, CASE WHEN i > 10 THEN i / 10 END, 'Category ' || syllables(i) FROM generate_series(1, $categories) i;
INSERT INTO employees
SELECT i, CASE WHEN i > 8 THEN i / 8 END, syllables(h(i, 1)) || ' ' || syllables(h(i, 2)),
       'staff' || i || '@shop.test', DATE '2000-01-01' + (h(i, 3) % 8000)::int
FROM generate_series(1, $employees) i;
INSERT INTO products
SELECT i, 1 + h(i, 1) % $categories, 'SKU-' || lpad(i::text, 8, '0'), syllables(h(i, 2)) || ' ' || syllables(h(i, 3)),
       CASE WHEN i % 5 > 0 THEN repeat(syllables(h(i, 4)) || ' ', 12) END, (1 + h(i, 5) % 100000) / 100.0,
       jsonb_build_object('colour', syllables(h(i, 6) % 12), 'weight', h(i, 7) % 5000, 'tags', jsonb_build_array(i % 7, i % 3))
FROM generate_series(1, $products) i;
INSERT INTO customers
SELECT i, syllables(h(i, 1)), syllables(h(i, 2)), lower(syllables(h(i, 1)) || '.' || syllables(h(i, 2))) || i || '@mail.test',
       CASE WHEN i % 9 > 0 THEN '+44 20 ' || lpad((h(i, 3) % 10000000)::text, 7, '0') END,
       1 + h(i, 4) % 200 || ' ' || syllables(h(i, 5)) || ' Street', syllables(h(i, 6) % 2000),
       lpad((h(i, 7) % 100000)::text, 5, '0'), substr('GBDEFRESITPLNLSE', (1 + 2 * (h(i, 8) % 8))::int, 2),
       CASE WHEN i % 11 > 0 THEN DATE '1940-01-01' + (h(i, 9) % 24000)::int END,
       lpad((h(i, 10) % 1000)::text, 3, '0') || '-' || lpad((i % 100)::text, 2, '0') || '-' || lpad((h(i, 11) % 10000)::text, 4, '0'),
       CASE WHEN i % 3 > 0 THEN syllables(h(i, 12)) || ' & ' || syllables(h(i, 13)) || ' "Sons" Ltd' END,
       CASE WHEN i % 8 > 0 THEN E'Called on Monday:\n\t"' || syllables(h(i, 14)) || E'" isn\'t pleased.\nPath C:\\files\\' || syllables(h(i, 15))
         || E' \\N\r\nGr\u00fc\u00dfe \U0001F600 ' || repeat(syllables(h(i, 16)) || ' ', (4 + i % 9)::int) END,
       jsonb_build_object('theme', syllables(h(i, 17) % 9), 'newsletter', i % 2 = 0, 'tags', jsonb_build_array(i % 13, syllables(h(i, 18)), NULL),
         'quote', 'say "' || syllables(h(i, 19)) || E'"\\'),
       (h(i, 20) % 2000000 - 500000) / 100.0, CASE WHEN i % 4 > 0 THEN h(i, 21) % 100000 / 10.0 END, h(i, 22) % 10 > 0,
       TIMESTAMPTZ '2015-01-01 00:00:00+00' + h(i, 23) % 300000000 * INTERVAL '1 second',
       CASE WHEN i % 6 > 0 THEN TIMESTAMPTZ '2024-01-01 00:00:00+00' + h(i, 24) % 30000000000 * INTERVAL '1 ms' END,
       CASE WHEN i % 10 > 0 THEN i END
FROM generate_series(1, $customers) i;
INSERT INTO addresses
SELECT i, 1 + (i - 1) % $customers, CASE WHEN i <= $customers THEN 'home' ELSE 'work' END,
       1 + h(i, 4) % 200 || ' ' || syllables(h(i, 25)) || ' Road', syllables(h(i, 26) % 2000),
       CASE WHEN i % 7 > 0 THEN lpad((h(i, 27) % 100000)::text, 5, '0') END,
       substr('GBDEFRESITPLNLSE', (1 + 2 * (h(i, 8) % 8))::int, 2), DATE '2010-01-01' + (h(i, 28) % 5000)::int
FROM generate_series(1, $addresses) i;
INSERT INTO orders
SELECT i, 1 + h(i, 1) % $customers, CASE WHEN i % 20 > 0 THEN 1 + h(i, 2) % $addresses END,
       CASE WHEN i % 3 > 0 THEN 1 + h(i, 3) % $employees END, (ARRAY['new', 'paid', 'shipped', 'returned'])[1 + h(i, 4) % 4],
       (100 + h(i, 5) % 1000000) / 100.0, substr('GBPEURUSD', (1 + 3 * (h(i, 6) % 3))::int, 3),
       TIMESTAMPTZ '2018-01-01 00:00:00+00' + h(i, 7) % 200000000 * INTERVAL '1 second',
       CASE WHEN i % 12 = 0 THEN E'leave at\tthe door\n' || syllables(h(i, 8)) END
FROM generate_series(1, $orders) i;
INSERT INTO order_items
SELECT 1 + 2 * ((i - 1) / 5) + CASE WHEN (i - 1) % 5 > 1 THEN 1 ELSE 0 END,
       CASE WHEN (i - 1) % 5 > 1 THEN (i - 1) % 5 - 1 ELSE (i - 1) % 5 + 1 END,
       1 + h(i, 1) % $products, 1 + h(i, 2) % 9, (1 + h(i, 3) % 100000) / 100.0, CASE WHEN i % 6 = 0 THEN h(i, 4) % 50 END
FROM generate_series(1, $order_items) i;
INSERT INTO item_returns
SELECT i, 20 * (i - 1) + 1, 1, CASE WHEN i % 4 > 0 THEN 1 + h(i, 1) % $employees END,
       CASE WHEN i % 3 > 0 THEN 'too ' || syllables(h(i, 2)) END,
       TIMESTAMPTZ '2020-01-01 00:00:00+00' + h(i, 3) % 100000000 * INTERVAL '1 second'
FROM generate_series(1, $item_returns) i;
INSERT INTO payments
SELECT i, i, syllables(h(i, 1)) || ' ' || syllables(h(i, 2)),
       '4' || lpad((h(i, 3) % 10000000)::text, 7, '0') || lpad((h(i, 4) % 100000000)::text, 8, '0'),
       CASE WHEN i % 3 > 0 THEN 'DE' || lpad((h(i, 5) % 100)::text, 2, '0') || lpad(h(i, 6)::text, 10, '0') || lpad((h(i, 7) % 100000000)::text, 8, '0') END,
       (100 + h(i, 8) % 1000000) / 100.0, TIMESTAMPTZ '2018-01-02 00:00:00+00' + h(i, 9) % 200000000 * INTERVAL '1 second'
FROM generate_series(1, $payments) i;
INSERT INTO events
SELECT i, 1 + h(i, 1) % $customers, (ARRAY['view', 'click', 'basket', 'login', 'logout'])[1 + h(i, 2) % 5],
       TIMESTAMPTZ '2023-01-01 00:00:00+00' + h(i, 3) % 50000000000 * INTERVAL '1 ms',
       jsonb_build_object('page', '/' || lower(syllables(h(i, 4))), 'ms', h(i, 5) % 10000, 'ref', CASE WHEN i % 3 > 0 THEN syllables(h(i, 6)) END,
         'agent', jsonb_build_object('os', substr('linuxmacoswindw', (1 + 5 * (i % 3))::int, 5), 'v', h(i, 7) % 100))
FROM generate_series(1, $events) i;
DROP FUNCTION h;
DROP FUNCTION syllables;
