-- h(n, k) and syllables(x) are written out by the program that runs this.
SET foreign_key_checks = 0, unique_checks = 0, sql_mode = 'PIPES_AS_CONCAT,NO_UNSIGNED_SUBTRACTION,STRICT_ALL_TABLES';
INSERT INTO categories SELECT seq, CASE WHEN seq > 10 THEN seq DIV 10 END, 'Category ' || syllables(seq) FROM seq_1_to_$categories;
INSERT INTO employees
SELECT seq, CASE WHEN seq > 8 THEN seq DIV 8 END, syllables(h(seq, 1)) || ' ' || syllables(h(seq, 2)),
       'staff' || seq || '@shop.test', DATE '2000-01-01' + INTERVAL h(seq, 3) % 8000 DAY
FROM seq_1_to_$employees;
INSERT INTO products
SELECT seq, 1 + h(seq, 1) % $categories, 'SKU-' || lpad(seq, 8, '0'), syllables(h(seq, 2)) || ' ' || syllables(h(seq, 3)),
       CASE WHEN seq % 5 > 0 THEN repeat(syllables(h(seq, 4)) || ' ', 12) END, (1 + h(seq, 5) % 100000) / 100.0,
       json_object('colour', syllables(h(seq, 6) % 12), 'weight', h(seq, 7) % 5000, 'tags', json_array(seq % 7, seq % 3))
FROM seq_1_to_$products;
INSERT INTO customers
SELECT seq, syllables(h(seq, 1)), syllables(h(seq, 2)), lower(syllables(h(seq, 1)) || '.' || syllables(h(seq, 2))) || seq || '@mail.test',
       CASE WHEN seq % 9 > 0 THEN '+44 20 ' || lpad(h(seq, 3) % 10000000, 7, '0') END,
       (1 + h(seq, 4) % 200) || ' ' || syllables(h(seq, 5)) || ' Street', syllables(h(seq, 6) % 2000),
       lpad(h(seq, 7) % 100000, 5, '0'), substr('GBDEFRESITPLNLSE', 1 + 2 * (h(seq, 8) % 8), 2),
       CASE WHEN seq % 11 > 0 THEN DATE '1940-01-01' + INTERVAL h(seq, 9) % 24000 DAY END,
       lpad(h(seq, 10) % 1000, 3, '0') || '-' || lpad(seq % 100, 2, '0') || '-' || lpad(h(seq, 11) % 10000, 4, '0'),
       CASE WHEN seq % 3 > 0 THEN syllables(h(seq, 12)) || ' & ' || syllables(h(seq, 13)) || ' "Sons" Ltd' END,
       CASE WHEN seq % 8 > 0 THEN 'Called on Monday:\n\t"' || syllables(h(seq, 14)) || '" isn''t pleased.\nPath C:\\files\\' || syllables(h(seq, 15))
         || ' \\N\r\nGrüße 😀 ' || repeat(syllables(h(seq, 16)) || ' ', 4 + seq % 9) END,
       json_object('theme', syllables(h(seq, 17) % 9), 'newsletter', seq % 2 = 0, 'tags', json_array(seq % 13, syllables(h(seq, 18)), NULL),
         'quote', 'say "' || syllables(h(seq, 19)) || '"\\'),
       (h(seq, 20) % 2000000 - 500000) / 100.0, CASE WHEN seq % 4 > 0 THEN h(seq, 21) % 100000 / 10.0 END, h(seq, 22) % 10 > 0,
       TIMESTAMP '2015-01-01 00:00:00' + INTERVAL h(seq, 23) % 300000000 SECOND,
       CASE WHEN seq % 6 > 0 THEN TIMESTAMP '2024-01-01 00:00:00' + INTERVAL h(seq, 24) * 1000 MICROSECOND END,
       CASE WHEN seq % 10 > 0 THEN seq END
FROM seq_1_to_$customers;
INSERT INTO addresses
SELECT seq, 1 + (seq - 1) % $customers, CASE WHEN seq <= $customers THEN 'home' ELSE 'work' END,
       (1 + h(seq, 4) % 200) || ' ' || syllables(h(seq, 25)) || ' Road', syllables(h(seq, 26) % 2000),
       CASE WHEN seq % 7 > 0 THEN lpad(h(seq, 27) % 100000, 5, '0') END,
       substr('GBDEFRESITPLNLSE', 1 + 2 * (h(seq, 8) % 8), 2), DATE '2010-01-01' + INTERVAL h(seq, 28) % 5000 DAY
FROM seq_1_to_$addresses;
INSERT INTO orders
SELECT seq, 1 + h(seq, 1) % $customers, CASE WHEN seq % 20 > 0 THEN 1 + h(seq, 2) % $addresses END,
       CASE WHEN seq % 3 > 0 THEN 1 + h(seq, 3) % $employees END, elt(1 + h(seq, 4) % 4, 'new', 'paid', 'shipped', 'returned'),
       (100 + h(seq, 5) % 1000000) / 100.0, substr('GBPEURUSD', 1 + 3 * (h(seq, 6) % 3), 3),
       TIMESTAMP '2018-01-01 00:00:00' + INTERVAL h(seq, 7) % 200000000 SECOND,
       CASE WHEN seq % 12 = 0 THEN 'leave at\tthe door\n' || syllables(h(seq, 8)) END
FROM seq_1_to_$orders;
INSERT INTO order_items
SELECT 1 + 2 * ((seq - 1) DIV 5) + CASE WHEN (seq - 1) % 5 > 1 THEN 1 ELSE 0 END,
       CASE WHEN (seq - 1) % 5 > 1 THEN (seq - 1) % 5 - 1 ELSE (seq - 1) % 5 + 1 END,
       1 + h(seq, 1) % $products, 1 + h(seq, 2) % 9, (1 + h(seq, 3) % 100000) / 100.0, CASE WHEN seq % 6 = 0 THEN h(seq, 4) % 50 END
FROM seq_1_to_$order_items;
INSERT INTO item_returns
SELECT seq, 20 * (seq - 1) + 1, 1, CASE WHEN seq % 4 > 0 THEN 1 + h(seq, 1) % $employees END,
       CASE WHEN seq % 3 > 0 THEN 'too ' || syllables(h(seq, 2)) END,
       TIMESTAMP '2020-01-01 00:00:00' + INTERVAL h(seq, 3) % 100000000 SECOND
FROM seq_1_to_$item_returns;
INSERT INTO payments
SELECT seq, seq, syllables(h(seq, 1)) || ' ' || syllables(h(seq, 2)),
       '4' || lpad(h(seq, 3) % 10000000, 7, '0') || lpad(h(seq, 4) % 100000000, 8, '0'),
       CASE WHEN seq % 3 > 0 THEN 'DE' || lpad(h(seq, 5) % 100, 2, '0') || lpad(h(seq, 6), 10, '0') || lpad(h(seq, 7) % 100000000, 8, '0') END,
       (100 + h(seq, 8) % 1000000) / 100.0, TIMESTAMP '2018-01-02 00:00:00' + INTERVAL h(seq, 9) % 200000000 SECOND
FROM seq_1_to_$payments;
INSERT INTO events
SELECT seq, 1 + h(seq, 1) % $customers, elt(1 + h(seq, 2) % 5, 'view', 'click', 'basket', 'login', 'logout'),
       TIMESTAMP '2023-01-01 00:00:00' + INTERVAL h(seq, 3) * 1000 MICROSECOND,
       json_object('page', '/' || lower(syllables(h(seq, 4))), 'ms', h(seq, 5) % 10000, 'ref', CASE WHEN seq % 3 > 0 THEN syllables(h(seq, 6)) END,
         'agent', json_object('os', substr('linuxmacoswindw', 1 + 5 * (seq % 3), 5), 'v', h(seq, 7) % 100))
FROM seq_1_to_$events;
