CREATE INDEX customers_email ON customers (email);
CREATE INDEX customers_name ON customers (last_name, first_name);
CREATE INDEX addresses_customer ON addresses (customer_id);
CREATE INDEX orders_customer ON orders (customer_id, placed_at);
CREATE INDEX order_items_product ON order_items (product_id);
ANALYZE;
