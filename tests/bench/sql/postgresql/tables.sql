CREATE TABLE categories (id integer NOT NULL, parent_id integer, name text NOT NULL);
CREATE TABLE employees (id integer NOT NULL, manager_id integer, full_name text NOT NULL, email text NOT NULL, hired date NOT NULL);
CREATE TABLE products (
  id integer NOT NULL, category_id integer NOT NULL, sku varchar(20) NOT NULL, name text NOT NULL, description text,
  price numeric(10,2) NOT NULL, attributes jsonb NOT NULL
);
CREATE TABLE customers (
  id bigint NOT NULL, first_name text NOT NULL, last_name text NOT NULL, email varchar(120) NOT NULL, phone varchar(30),
  street text, city text, postal_code varchar(12), country char(2) NOT NULL, dob date, ssn varchar(11), company text,
  notes text, preferences jsonb NOT NULL, balance numeric(12,2) NOT NULL, credit_limit numeric(12,2),
  is_active boolean NOT NULL, created_at timestamptz NOT NULL, last_login timestamptz, address_id bigint
);
CREATE TABLE addresses (
  id bigint NOT NULL, customer_id bigint NOT NULL, kind varchar(10) NOT NULL, street text NOT NULL, city text NOT NULL,
  postal_code varchar(12), country char(2) NOT NULL, valid_from date NOT NULL
);
CREATE TABLE orders (
  id bigint NOT NULL, customer_id bigint NOT NULL, ship_address_id bigint, employee_id integer, status varchar(12) NOT NULL,
  total numeric(12,2) NOT NULL, currency char(3) NOT NULL, placed_at timestamptz NOT NULL, note text
);
CREATE TABLE order_items (
  order_id bigint NOT NULL, line_no smallint NOT NULL, product_id integer NOT NULL, quantity integer NOT NULL,
  unit_price numeric(10,2) NOT NULL, discount numeric(5,2)
);
CREATE TABLE item_returns (
  id bigint NOT NULL, order_id bigint NOT NULL, line_no smallint NOT NULL, employee_id integer, reason text,
  returned_at timestamptz NOT NULL
);
CREATE TABLE payments (
  id bigint NOT NULL, order_id bigint NOT NULL, card_holder text NOT NULL, card_number varchar(19) NOT NULL,
  iban varchar(34), amount numeric(12,2) NOT NULL, paid_at timestamptz NOT NULL
);
CREATE TABLE events (
  id bigint NOT NULL, customer_id bigint NOT NULL, kind varchar(12) NOT NULL, at timestamptz NOT NULL, payload jsonb NOT NULL
);
