-- 1 % of customers with everything below and above them, by somebody who knows the answer: which keys lead where, how
-- often a key leads on, and that customers.address_id leads to nobody who is not there already. Run by psql in the
-- source; each COPY goes into a COPY of the target. The settings are the fastest of those that were tried.
SET work_mem = '256MB';
SET random_page_cost = 1.1;
SET max_parallel_workers_per_gather = 0;
BEGIN ISOLATION LEVEL REPEATABLE READ;
CREATE TEMP TABLE c AS SELECT id FROM customers WHERE $seed;
CREATE TEMP TABLE a AS SELECT id FROM addresses WHERE customer_id IN (SELECT id FROM c);
CREATE TEMP TABLE o AS
SELECT * FROM orders WHERE customer_id IN (SELECT id FROM c) OR ship_address_id IN (SELECT id FROM a);
ANALYZE c;
ANALYZE a;
ANALYZE o;
CREATE TEMP TABLE a1 AS
SELECT id, customer_id FROM addresses
WHERE id IN (SELECT id FROM a UNION SELECT ship_address_id FROM o UNION
             SELECT address_id FROM customers WHERE id IN (SELECT id FROM c));
CREATE TEMP TABLE c1 AS
SELECT id, address_id FROM customers
WHERE id IN (SELECT id FROM c UNION SELECT customer_id FROM a1 UNION SELECT customer_id FROM o);
ANALYZE c1;
INSERT INTO a1 SELECT id, customer_id FROM addresses WHERE id IN (SELECT address_id FROM c1 EXCEPT SELECT id FROM a1);
ANALYZE a1;
CREATE TEMP TABLE i AS SELECT i.* FROM order_items i JOIN o ON o.id = i.order_id;
CREATE TEMP TABLE r AS SELECT r.* FROM item_returns r JOIN o ON o.id = r.order_id;
CREATE TEMP TABLE p AS SELECT * FROM products WHERE id IN (SELECT product_id FROM i);
CREATE TEMP TABLE e AS
WITH RECURSIVE e (id) AS (
  SELECT employee_id FROM o UNION SELECT employee_id FROM r UNION
  SELECT m.manager_id FROM e JOIN employees m ON m.id = e.id
) SELECT id FROM e;
CREATE TEMP TABLE g AS
WITH RECURSIVE g (id) AS (
  SELECT category_id FROM p UNION SELECT k.parent_id FROM g JOIN categories k ON k.id = g.id
) SELECT id FROM g;
\o | psql -X -q -v ON_ERROR_STOP=1 $target -c 'COPY order_items FROM STDIN'
COPY i TO STDOUT;
\o | psql -X -q -v ON_ERROR_STOP=1 $target -c 'COPY item_returns FROM STDIN'
COPY r TO STDOUT;
\o | psql -X -q -v ON_ERROR_STOP=1 $target -c 'COPY products FROM STDIN'
COPY p TO STDOUT;
\o | psql -X -q -v ON_ERROR_STOP=1 $target -c 'COPY categories FROM STDIN'
COPY (SELECT k.* FROM categories k JOIN g ON g.id = k.id) TO STDOUT;
\o | psql -X -q -v ON_ERROR_STOP=1 $target -c 'COPY employees FROM STDIN'
COPY (SELECT m.* FROM employees m JOIN e ON e.id = m.id) TO STDOUT;
\o | psql -X -q -v ON_ERROR_STOP=1 $target -c 'COPY customers FROM STDIN'
COPY (SELECT x.* FROM customers x JOIN c1 ON c1.id = x.id) TO STDOUT;
\o | psql -X -q -v ON_ERROR_STOP=1 $target -c 'COPY addresses FROM STDIN'
COPY (SELECT x.* FROM addresses x JOIN a1 ON a1.id = x.id) TO STDOUT;
\o | psql -X -q -v ON_ERROR_STOP=1 $target -c 'COPY orders FROM STDIN'
COPY o TO STDOUT;
\o | psql -X -q -v ON_ERROR_STOP=1 $target -c 'COPY payments FROM STDIN'
COPY (SELECT x.* FROM payments x JOIN o ON o.id = x.order_id) TO STDOUT;
\o | psql -X -q -v ON_ERROR_STOP=1 $target -c 'COPY events FROM STDIN'
COPY (SELECT x.* FROM events x JOIN c ON c.id = x.customer_id) TO STDOUT;
\o
COMMIT;
