-- h(n, k) and syllables(x) are written out by the program that runs this.
INSERT INTO categories
WITH RECURSIVE numbers(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < $categories)
SELECT seq, CASE WHEN seq > 10 THEN seq / 10 END, 'Category ' || syllables(seq) FROM numbers;
INSERT INTO employees
WITH RECURSIVE numbers(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < $employees)
SELECT seq, CASE WHEN seq > 8 THEN seq / 8 END, syllables(h(seq, 1)) || ' ' || syllables(h(seq, 2)),
       'staff' || seq || '@shop.test', date('2000-01-01', (h(seq, 3) % 8000) || ' days')
FROM numbers;
INSERT INTO products
WITH RECURSIVE numbers(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < $products)
SELECT seq, 1 + h(seq, 1) % $categories, 'SKU-' || printf('%08d', seq), syllables(h(seq, 2)) || ' ' || syllables(h(seq, 3)),
       CASE WHEN seq % 5 > 0 THEN replace(printf('%.*c', 12, '*'), '*', syllables(h(seq, 4)) || ' ') END, (1 + h(seq, 5) % 100000) / 100.0,
       json_object('colour', syllables(h(seq, 6) % 12), 'weight', h(seq, 7) % 5000, 'tags', json_array(seq % 7, seq % 3))
FROM numbers;
INSERT INTO customers
WITH RECURSIVE numbers(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < $customers)
SELECT seq, syllables(h(seq, 1)), syllables(h(seq, 2)), lower(syllables(h(seq, 1)) || '.' || syllables(h(seq, 2))) || seq || '@mail.test',
       CASE WHEN seq % 9 > 0 THEN '+44 20 ' || printf('%07d', h(seq, 3) % 10000000) END,
       (1 + h(seq, 4) % 200) || ' ' || syllables(h(seq, 5)) || ' Street', syllables(h(seq, 6) % 2000),
       printf('%05d', h(seq, 7) % 100000), substr('GBDEFRESITPLNLSE', 1 + 2 * (h(seq, 8) % 8), 2),
       CASE WHEN seq % 11 > 0 THEN date('1940-01-01', (h(seq, 9) % 24000) || ' days') END,
       printf('%03d', h(seq, 10) % 1000) || '-' || printf('%02d', seq % 100) || '-' || printf('%04d', h(seq, 11) % 10000),
       CASE WHEN seq % 3 > 0 THEN syllables(h(seq, 12)) || ' & ' || syllables(h(seq, 13)) || ' "Sons" Ltd' END,
       CASE WHEN seq % 8 > 0 THEN 'Called on Monday:' || char(10, 9) || '"' || syllables(h(seq, 14)) || '" isn''t pleased.' || char(10) || 'Path C:\files\' || syllables(h(seq, 15))
         || ' \N' || char(13, 10) || 'Grüße 😀 ' || replace(printf('%.*c', 4 + seq % 9, '*'), '*', syllables(h(seq, 16)) || ' ') END,
       json_object('theme', syllables(h(seq, 17) % 9), 'newsletter', seq % 2 = 0, 'tags', json_array(seq % 13, syllables(h(seq, 18)), NULL),
         'quote', 'say "' || syllables(h(seq, 19)) || '"\'),
       (h(seq, 20) % 2000000 - 500000) / 100.0, CASE WHEN seq % 4 > 0 THEN h(seq, 21) % 100000 / 10.0 END, h(seq, 22) % 10 > 0,
       datetime('2015-01-01 00:00:00', (h(seq, 23) % 300000000) || ' seconds'),
       CASE WHEN seq % 6 > 0 THEN strftime('%Y-%m-%d %H:%M:%f', '2024-01-01 00:00:00', (h(seq, 24) / 1000.0) || ' seconds') END,
       CASE WHEN seq % 10 > 0 THEN seq END
FROM numbers;
INSERT INTO addresses
WITH RECURSIVE numbers(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < $addresses)
SELECT seq, 1 + (seq - 1) % $customers, CASE WHEN seq <= $customers THEN 'home' ELSE 'work' END,
       (1 + h(seq, 4) % 200) || ' ' || syllables(h(seq, 25)) || ' Road', syllables(h(seq, 26) % 2000),
       CASE WHEN seq % 7 > 0 THEN printf('%05d', h(seq, 27) % 100000) END,
       substr('GBDEFRESITPLNLSE', 1 + 2 * (h(seq, 8) % 8), 2), date('2010-01-01', (h(seq, 28) % 5000) || ' days')
FROM numbers;
INSERT INTO orders
WITH RECURSIVE numbers(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < $orders)
SELECT seq, 1 + h(seq, 1) % $customers, CASE WHEN seq % 20 > 0 THEN 1 + h(seq, 2) % $addresses END,
       CASE WHEN seq % 3 > 0 THEN 1 + h(seq, 3) % $employees END, CASE h(seq, 4) % 4 WHEN 0 THEN 'new' WHEN 1 THEN 'paid' WHEN 2 THEN 'shipped' WHEN 3 THEN 'returned' END,
       (100 + h(seq, 5) % 1000000) / 100.0, substr('GBPEURUSD', 1 + 3 * (h(seq, 6) % 3), 3),
       datetime('2018-01-01 00:00:00', (h(seq, 7) % 200000000) || ' seconds'),
       CASE WHEN seq % 12 = 0 THEN 'leave at' || char(9) || 'the door' || char(10) || syllables(h(seq, 8)) END
FROM numbers;
INSERT INTO order_items
WITH RECURSIVE numbers(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < $order_items)
SELECT 1 + 2 * ((seq - 1) / 5) + CASE WHEN (seq - 1) % 5 > 1 THEN 1 ELSE 0 END,
       CASE WHEN (seq - 1) % 5 > 1 THEN (seq - 1) % 5 - 1 ELSE (seq - 1) % 5 + 1 END,
       1 + h(seq, 1) % $products, 1 + h(seq, 2) % 9, (1 + h(seq, 3) % 100000) / 100.0, CASE WHEN seq % 6 = 0 THEN h(seq, 4) % 50 END
FROM numbers;
INSERT INTO item_returns
WITH RECURSIVE numbers(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < $item_returns)
SELECT seq, 20 * (seq - 1) + 1, 1, CASE WHEN seq % 4 > 0 THEN 1 + h(seq, 1) % $employees END,
       CASE WHEN seq % 3 > 0 THEN 'too ' || syllables(h(seq, 2)) END,
       datetime('2020-01-01 00:00:00', (h(seq, 3) % 100000000) || ' seconds')
FROM numbers;
INSERT INTO payments
WITH RECURSIVE numbers(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < $payments)
SELECT seq, seq, syllables(h(seq, 1)) || ' ' || syllables(h(seq, 2)),
       '4' || printf('%07d', h(seq, 3) % 10000000) || printf('%08d', h(seq, 4) % 100000000),
       CASE WHEN seq % 3 > 0 THEN 'DE' || printf('%02d', h(seq, 5) % 100) || printf('%010d', h(seq, 6)) || printf('%08d', h(seq, 7) % 100000000) END,
       (100 + h(seq, 8) % 1000000) / 100.0, datetime('2018-01-02 00:00:00', (h(seq, 9) % 200000000) || ' seconds')
FROM numbers;
INSERT INTO events
WITH RECURSIVE numbers(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < $events)
SELECT seq, 1 + h(seq, 1) % $customers, CASE h(seq, 2) % 5 WHEN 0 THEN 'view' WHEN 1 THEN 'click' WHEN 2 THEN 'basket' WHEN 3 THEN 'login' WHEN 4 THEN 'logout' END,
       strftime('%Y-%m-%d %H:%M:%f', '2023-01-01 00:00:00', (h(seq, 3) / 1000.0) || ' seconds'),
       json_object('page', '/' || lower(syllables(h(seq, 4))), 'ms', h(seq, 5) % 10000, 'ref', CASE WHEN seq % 3 > 0 THEN syllables(h(seq, 6)) END,
         'agent', json_object('os', substr('linuxmacoswindw', 1 + 5 * (seq % 3), 5), 'v', h(seq, 7) % 100))
FROM numbers;
