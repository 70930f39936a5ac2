CREATE TABLE categories (
  id integer NOT NULL PRIMARY KEY, parent_id integer, name text NOT NULL,
  CONSTRAINT categories_parent FOREIGN KEY (parent_id) REFERENCES categories (id)
);
CREATE TABLE employees (
  id integer NOT NULL PRIMARY KEY, manager_id integer, full_name text NOT NULL, email text NOT NULL, hired date NOT NULL,
  CONSTRAINT employees_manager FOREIGN KEY (manager_id) REFERENCES employees (id)
);
CREATE TABLE products (
  id integer NOT NULL PRIMARY KEY, category_id integer NOT NULL, sku varchar(20) NOT NULL, name text NOT NULL, description text,
  price numeric(10,2) NOT NULL, attributes json NOT NULL,
  CONSTRAINT products_category FOREIGN KEY (category_id) REFERENCES categories (id)
);
CREATE TABLE customers (
  id integer NOT NULL PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL, email varchar(120) NOT NULL, phone varchar(30),
  street text, city text, postal_code varchar(12), country char(2) NOT NULL, dob date, ssn varchar(11), company text,
  notes text, preferences json NOT NULL, balance numeric(12,2) NOT NULL, credit_limit numeric(12,2),
  is_active boolean NOT NULL, created_at timestamp NOT NULL, last_login timestamp, address_id bigint,
  CONSTRAINT customers_address FOREIGN KEY (address_id) REFERENCES addresses (id)
);
CREATE TABLE addresses (
  id integer NOT NULL PRIMARY KEY, customer_id bigint NOT NULL, kind varchar(10) NOT NULL, street text NOT NULL, city text NOT NULL,
  postal_code varchar(12), country char(2) NOT NULL, valid_from date NOT NULL,
  CONSTRAINT addresses_customer FOREIGN KEY (customer_id) REFERENCES customers (id)
);
CREATE TABLE orders (
  id integer NOT NULL PRIMARY KEY, customer_id bigint NOT NULL, ship_address_id bigint, employee_id integer, status varchar(12) NOT NULL,
  total numeric(12,2) NOT NULL, currency char(3) NOT NULL, placed_at timestamp NOT NULL, note text,
  CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers (id),
  CONSTRAINT orders_address FOREIGN KEY (ship_address_id) REFERENCES addresses (id),
  CONSTRAINT orders_employee FOREIGN KEY (employee_id) REFERENCES employees (id)
);
CREATE TABLE order_items (
  order_id bigint NOT NULL, line_no smallint NOT NULL, product_id integer NOT NULL, quantity integer NOT NULL,
  unit_price numeric(10,2) NOT NULL, discount numeric(5,2),
  PRIMARY KEY (order_id, line_no),
  CONSTRAINT order_items_order FOREIGN KEY (order_id) REFERENCES orders (id),
  CONSTRAINT order_items_product FOREIGN KEY (product_id) REFERENCES products (id)
);
CREATE TABLE item_returns (
  id integer NOT NULL PRIMARY KEY, order_id bigint NOT NULL, line_no smallint NOT NULL, employee_id integer, reason text,
  returned_at timestamp NOT NULL,
  CONSTRAINT item_returns_item FOREIGN KEY (order_id, line_no) REFERENCES order_items (order_id, line_no),
  CONSTRAINT item_returns_employee FOREIGN KEY (employee_id) REFERENCES employees (id)
);
CREATE TABLE payments (
  id integer NOT NULL PRIMARY KEY, order_id bigint NOT NULL, card_holder text NOT NULL, card_number varchar(19) NOT NULL,
  iban varchar(34), amount numeric(12,2) NOT NULL, paid_at timestamp NOT NULL,
  CONSTRAINT payments_order FOREIGN KEY (order_id) REFERENCES orders (id)
);
CREATE TABLE events (
  id integer NOT NULL PRIMARY KEY, customer_id bigint NOT NULL, kind varchar(12) NOT NULL, at timestamp NOT NULL, payload json NOT NULL,
  CONSTRAINT events_customer FOREIGN KEY (customer_id) REFERENCES customers (id)
);
