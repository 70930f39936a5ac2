"""Shapes 20 to 24, 26, 28, 34 and 36 to 40: what tables are made of."""

from __future__ import annotations

from tests.shapes.shape import MYSQL, POSTGRES, SQLITE, Shape, seed, where

_LONG = "s20_" + "x" * 59
_NAMES = ('s20.Mix "Ed"', "s20 sélect, %s", _LONG)
_WIDE = {POSTGRES: 1598, SQLITE: 150}


def _named(engine: str) -> str:
    def quoted(name: str) -> str:
        return f"`{name}`" if engine == MYSQL else '"' + name.replace('"', '""') + '"'

    parent, child, leaf = map(quoted, _NAMES)
    group, order = quoted("Group"), quoted("order by.1")
    return (
        f"CREATE TABLE {parent} ({group} INTEGER PRIMARY KEY);\n"
        f"CREATE TABLE {child} ({order} INTEGER PRIMARY KEY, {group} INTEGER REFERENCES {parent} ({group}));\n"
        f"CREATE TABLE {leaf} (id INTEGER PRIMARY KEY, {order} INTEGER,"
        f" CONSTRAINT s20_key FOREIGN KEY ({order}) REFERENCES {child} ({order}));\n"
        f"INSERT INTO {parent} VALUES (1), (2), (3);\nINSERT INTO {child} VALUES (1, 1), (2, 2), (3, 2);\n"
        f"INSERT INTO {leaf} VALUES (1, 1), (2, 2), (3, 3)"
    )


def _spelled(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _wide(engine: str) -> str:
    columns = _WIDE[engine]
    listed = ", ".join(f"c{number} SMALLINT" for number in range(columns))
    values = ", ".join(str(number % 100) for number in range(columns))
    return (
        f"CREATE TABLE s36_wide (id INTEGER PRIMARY KEY, up INTEGER REFERENCES s36_wide (id), {listed});\n"
        f"INSERT INTO s36_wide VALUES (1, NULL, {values}), (2, 1, {values}), (3, 1, {values})"
    )


SHAPES = (
    Shape(
        20,
        "hostile names",
        only={engine: _named(engine) for engine in (POSTGRES, MYSQL, SQLITE)},
        slice={"seeds": [{"table": _spelled(_NAMES[1]), "where": "1 = 1"}, seed(_spelled(_NAMES[0]), 3)]},
        rows={_spelled(_NAMES[0]): [1, 2, 3], _spelled(_NAMES[1]): [1, 2, 3], _spelled(_NAMES[2]): [1, 2, 3]},
    ),
    Shape(
        21,
        "one name in two schemas",
        """
        CREATE SCHEMA s21;
        CREATE TABLE s21_items (id INTEGER PRIMARY KEY);
        CREATE TABLE s21.s21_items (id INTEGER PRIMARY KEY, up INTEGER REFERENCES s21_items (id));
        CREATE TABLE s21_uses (id INTEGER PRIMARY KEY, item INTEGER REFERENCES s21.s21_items (id));
        INSERT INTO s21_items VALUES (1), (2), (3);
        INSERT INTO s21.s21_items VALUES (1, 2), (2, 1), (3, 3);
        INSERT INTO s21_uses VALUES (1, 1), (2, 2)
        """,
        engines=(POSTGRES,),
        slice={"seeds": [seed("s21_uses", 1)]},
        rows={"s21_items": [2], "s21.s21_items": [1], "s21_uses": [1]},
    ),
    Shape(
        22,
        "no key, and rows that are the same",
        """
        CREATE TABLE s22_users (id INTEGER PRIMARY KEY);
        CREATE TABLE s22_log (who INTEGER REFERENCES s22_users (id), what VARCHAR(9));
        INSERT INTO s22_users VALUES (1), (2), (3);
        INSERT INTO s22_log VALUES (1, 'x'), (1, 'x'), (1, 'y'), (2, 'x'), (2, 'x'), (NULL, 'z'), (NULL, 'z'), (3, NULL)
        """,
        slice={"seeds": [seed("s22_users", 1), where("s22_log", "what = 'z'")]},
        rows={"s22_users": [1], "s22_log": [(1, "x"), (1, "x"), (1, "y"), (None, "z"), (None, "z")]},
    ),
    Shape(
        23,
        "partitions of parents and children",
        """
        CREATE TABLE s23_p (id INTEGER PRIMARY KEY, n INTEGER) PARTITION BY HASH (id);
        CREATE TABLE s23_p0 PARTITION OF s23_p FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE s23_p1 PARTITION OF s23_p FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        CREATE TABLE s23_c (id INTEGER NOT NULL, p INTEGER REFERENCES s23_p (id), k TEXT) PARTITION BY LIST (k);
        CREATE TABLE s23_ca PARTITION OF s23_c FOR VALUES IN ('a') PARTITION BY RANGE (id);
        CREATE TABLE s23_ca1 PARTITION OF s23_ca FOR VALUES FROM (1) TO (10);
        CREATE TABLE s23_ca2 PARTITION OF s23_ca DEFAULT;
        CREATE TABLE s23_cx (k TEXT, gone INTEGER, p INTEGER, id INTEGER NOT NULL);
        ALTER TABLE s23_cx DROP COLUMN gone;
        ALTER TABLE s23_c ATTACH PARTITION s23_cx DEFAULT;
        INSERT INTO s23_p SELECT n, n FROM numbers WHERE n < 40;
        INSERT INTO s23_c SELECT n, n / 2, CASE n % 3 WHEN 0 THEN 'a' WHEN 1 THEN 'b' END FROM numbers WHERE n < 60
        """,
        engines=(POSTGRES,),
        slice={"seeds": [seed("s23_p", 2, 3), where("s23_c", "id IN (0, 1, 48, 49, 50)")]},
        rows={"s23_p": [0, 2, 3, 24, 25], "s23_c": [0, 1, 4, 5, 6, 7, 48, 49, 50]},
    ),
    Shape(
        23,
        "partitions, which have no declared keys",
        """
        CREATE TABLE s23_p (id INTEGER PRIMARY KEY, n INTEGER) PARTITION BY HASH (id) PARTITIONS 2;
        CREATE TABLE s23_c (id INTEGER NOT NULL, p INTEGER, k CHAR(1)) PARTITION BY RANGE (id)
            (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN MAXVALUE);
        INSERT INTO s23_p SELECT n, n FROM numbers WHERE n < 40;
        INSERT INTO s23_c SELECT n, n DIV 2, CASE n % 3 WHEN 0 THEN 'a' WHEN 1 THEN 'b' END FROM numbers WHERE n < 60
        """,
        engines=(MYSQL,),
        slice={
            "seeds": [seed("s23_p", 2, 3), where("s23_c", "id IN (0, 1, 48, 49, 50)")],
            "virtual_keys": [{"child": "s23_c(p)", "parent": "s23_p(id)"}],
        },
        rows={"s23_p": [0, 2, 3, 24, 25], "s23_c": [0, 1, 4, 5, 6, 7, 48, 49, 50]},
    ),
    Shape(
        24,
        "tables that inherit",
        """
        CREATE TABLE s24_p (id INTEGER PRIMARY KEY);
        CREATE TABLE s24_base (id INTEGER PRIMARY KEY, p INTEGER REFERENCES s24_p (id));
        CREATE TABLE s24_more (extra INTEGER) INHERITS (s24_base);
        CREATE TABLE s24_uses (id INTEGER PRIMARY KEY, base INTEGER REFERENCES s24_base (id));
        INSERT INTO s24_p VALUES (1), (2), (3);
        INSERT INTO s24_base VALUES (1, 1), (2, 2);
        INSERT INTO s24_more VALUES (1, 3, 0), (3, 99, 1);
        INSERT INTO s24_uses VALUES (1, 1), (2, 2)
        """,
        engines=(POSTGRES,),
        slice={"seeds": [seed("s24_uses", 1), where("s24_more", "id = 3")]},
        rows={"s24_p": [1], "ONLY s24_base": [1], "s24_more": [3], "s24_uses": [1]},
    ),
    Shape(
        26,
        "types that are hard to carry",
        only={
            POSTGRES: """
            CREATE TYPE s26_mood AS ENUM ('sad', 'so so', 'it''s fine');
            CREATE DOMAIN s26_even AS INTEGER CHECK (VALUE % 2 = 0);
            CREATE TYPE s26_pair AS (a INTEGER, b TEXT);
            CREATE TABLE s26_t (id INTEGER PRIMARY KEY, up INTEGER REFERENCES s26_t (id), mood s26_mood, even s26_even,
                pairs s26_pair[], span INT4RANGE, body JSONB, raw JSON, padded CHAR(5), bits BIT(5), more BIT VARYING(9),
                took INTERVAL, day DATE, at TIMESTAMPTZ, deep INTEGER[][], net INET, found TSVECTOR, money NUMERIC);
            INSERT INTO s26_t VALUES (1, NULL, 'it''s fine', 4, ARRAY[ROW(1, 'a,"b')::s26_pair, NULL], '[1,5)',
                '{"big": 12345678901234567890.10, "a": null}', '{"b": 1,  "b": 2}', 'ab', '10110', '1', '1 mon -3 days',
                'infinity', '-infinity', '[2:3][0:1]={{1,2},{3,NULL}}', '10.0.0.1/8', 'a:1 b:2', 'NaN'),
                (2, 1, NULL, NULL, '{}', 'empty', 'null', 'null', '', NULL, '', '0', '4713-01-01 BC', '1900-01-01 00:00:00+00:19:32',
                '{}', '::1', '', 1e-10), (3, NULL, 'sad', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                NULL, NULL, NULL)
            """,
            MYSQL: """
            SET sql_mode = '';
            CREATE TABLE s26_t (id INTEGER PRIMARY KEY, up INTEGER REFERENCES s26_t (id), mood ENUM('sad', 'it''s fine'),
                some SET('a', 'b'), day DATE, at DATETIME(6), y YEAR, took TIME(3), bits BIT(5), padded CHAR(5), blb BLOB,
                body JSON, f FLOAT, d DOUBLE, n DECIMAL(30, 10), p POINT);
            INSERT INTO s26_t VALUES (1, NULL, 'it''s fine', 'a,b', '0000-00-00', '0000-00-00', 0, '-838:59:59', b'10110',
                'ab', x'00ff', '{"a": 12345678901234567890.10}', 0.1, 1e300, -1.0000000001, ST_GeomFromText('POINT(1 2)')),
                (2, 1, 'wrong', '', '2024-00-00', '1000-01-01 00:00:00.000001', 2155, '0', b'0', '', '', '[]', -0.0, 1e-300, 0,
                NULL), (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
            SET sql_mode = DEFAULT
            """,
            SQLITE: """
            CREATE TABLE s26_t (id INTEGER PRIMARY KEY, up INTEGER REFERENCES s26_t (id), i INTEGER, r REAL, t TEXT, b BLOB,
                n NUMERIC, x);
            INSERT INTO s26_t VALUES (1, NULL, 'word', 1e300, 5, 'text', '1.0', x''), (2, 1, 9e999, 2, x'00ff', 7, 'a', NULL),
                (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
            """,
        },
        slice={"seeds": [seed("s26_t", 2)]},
        rows={"s26_t": [1, 2]},
    ),
    Shape(
        34,
        "keys that delete, and triggers that insert",
        """
        CREATE TABLE s34_p (id INTEGER PRIMARY KEY);
        CREATE TABLE s34_c (id INTEGER PRIMARY KEY, p INTEGER, FOREIGN KEY (p) REFERENCES s34_p (id) ON DELETE CASCADE);
        CREATE TABLE s34_log (id INTEGER);
        INSERT INTO s34_p VALUES (1), (2);
        INSERT INTO s34_c VALUES (1, 1), (2, 2)
        """,
        only={
            POSTGRES: """
            CREATE FUNCTION s34_note() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN INSERT INTO public.s34_log VALUES (NEW.id); RETURN NEW; END';
            CREATE TRIGGER s34_t AFTER INSERT ON s34_p FOR EACH ROW EXECUTE FUNCTION s34_note();
            ALTER TABLE s34_p ENABLE ALWAYS TRIGGER s34_t
            """,
            MYSQL: """
            CREATE TRIGGER s34_t AFTER INSERT ON s34_p FOR EACH ROW INSERT INTO s34_log VALUES (NEW.id)
            """,
            SQLITE: """
            CREATE TRIGGER s34_t AFTER INSERT ON s34_p BEGIN INSERT INTO s34_log VALUES (NEW.id); END
            """,
        },
        slice={"seeds": [seed("s34_c", 1)]},
        rows={"s34_p": [1], "s34_c": [1], "s34_log": []},
    ),
    Shape(
        36,
        "very many columns, dropped ones, and very long values",
        """
        CREATE TABLE s36_long (id INTEGER PRIMARY KEY, up INTEGER, gone INTEGER, word TEXT,
            FOREIGN KEY (up) REFERENCES s36_long (id));
        INSERT INTO s36_long VALUES (1, NULL, 5, 'x'), (2, 1, 6, 'y'), (3, 1, 7, 'z');
        ALTER TABLE s36_long DROP COLUMN gone
        """,
        engines=(POSTGRES, SQLITE),  # MySQL's own limits: test_very_wide_tables_and_very_long_values_pass
        only={
            POSTGRES: _wide(POSTGRES) + ";\nUPDATE s36_long SET word = repeat(md5(random()::text), 40000)",
            SQLITE: _wide(SQLITE) + ";\nUPDATE s36_long SET word = hex(randomblob(600000))",
        },
        slice={"seeds": [seed("s36_wide", 2), seed("s36_long", 3)]},
        rows={"s36_wide": [1, 2], "s36_long": [1, 3]},
    ),
    Shape(
        37,
        "constraints that see several rows",
        engines=(POSTGRES, SQLITE),
        script="""
        CREATE TABLE s37_active (id INTEGER PRIMARY KEY, who INTEGER, live BOOLEAN, up INTEGER REFERENCES s37_active (id));
        CREATE UNIQUE INDEX s37_one_active ON s37_active (who) WHERE live;
        INSERT INTO s37_active VALUES (1, 1, true, NULL), (2, 1, false, 1), (3, 1, false, 2), (4, 2, true, 3)
        """,
        only={
            POSTGRES: """
            CREATE TABLE s37_rooms (id INTEGER PRIMARY KEY, span INT4RANGE, place INTEGER,
                EXCLUDE USING gist (span WITH &&), CONSTRAINT s37_place UNIQUE (place) DEFERRABLE INITIALLY DEFERRED);
            INSERT INTO s37_rooms VALUES (1, '[1,3)', 2), (2, '[3,5)', 1), (3, '[7,8)', 3)
            """,
            SQLITE: "CREATE TABLE s37_rooms (id INTEGER PRIMARY KEY); INSERT INTO s37_rooms VALUES (1), (2), (3)",
        },
        slice={"seeds": [seed("s37_active", 4), where("s37_rooms", "id < 3")]},
        rows={"s37_active": [1, 2, 3, 4], "s37_rooms": [1, 2]},
    ),
    Shape(
        38,
        "rows with a history",
        """
        CREATE TABLE s38_p (id INTEGER PRIMARY KEY, n INTEGER) WITH SYSTEM VERSIONING;
        CREATE TABLE s38_c (id INTEGER PRIMARY KEY, p INTEGER, FOREIGN KEY (p) REFERENCES s38_p (id)) WITH SYSTEM VERSIONING;
        INSERT INTO s38_p VALUES (1, 1), (2, 2), (3, 3);
        INSERT INTO s38_c VALUES (1, 1), (2, 2), (3, 3);
        UPDATE s38_p SET n = 10 WHERE id = 1;
        UPDATE s38_c SET p = 1 WHERE id = 2;
        DELETE FROM s38_c WHERE id = 3
        """,
        engines=(MYSQL,),
        slice={"seeds": [seed("s38_c", 2)]},
        rows={"s38_p": [(1, 10)], "s38_c": [(2, 1)]},
    ),
    Shape(
        39,
        "views, also such as hold rows, and tables that are not logged",
        """
        CREATE TABLE s39_t (id INTEGER PRIMARY KEY, up INTEGER, FOREIGN KEY (up) REFERENCES s39_t (id));
        CREATE TABLE s39_empty (id INTEGER PRIMARY KEY);
        INSERT INTO s39_t VALUES (1, NULL), (2, 1), (3, 1);
        CREATE VIEW s39_view AS SELECT id FROM s39_t WHERE up IS NOT NULL
        """,
        only={
            POSTGRES: """
            CREATE MATERIALIZED VIEW s39_held AS SELECT count(*) AS n FROM s39_t;
            CREATE MATERIALIZED VIEW s39_none AS SELECT id FROM s39_empty WITH NO DATA;
            CREATE UNLOGGED TABLE s39_fast (id INTEGER PRIMARY KEY REFERENCES s39_t (id));
            INSERT INTO s39_fast VALUES (1), (2), (3)
            """,
            MYSQL: """
            CREATE TABLE s39_held (n INTEGER);
            CREATE TABLE s39_fast (id INTEGER PRIMARY KEY, FOREIGN KEY (id) REFERENCES s39_t (id));
            INSERT INTO s39_fast VALUES (1), (2), (3)
            """,
            SQLITE: """
            CREATE TABLE s39_held (n INTEGER);
            CREATE TABLE s39_fast (id INTEGER PRIMARY KEY REFERENCES s39_t (id));
            INSERT INTO s39_fast VALUES (1), (2), (3)
            """,
        },
        slice={"seeds": [seed("s39_fast", 2)]},
        rows={"s39_t": [1, 2], "s39_view": [2], "s39_fast": [2], "s39_empty": []},
        holds={"SELECT coalesce(max(n), 2) FROM s39_held": 2},
    ),
    Shape(
        40,
        "views, functions and defaults that need each other, and one sequence for two tables",
        """
        CREATE SEQUENCE s40_shared OWNED BY NONE;
        CREATE TABLE s40_a (id INTEGER PRIMARY KEY DEFAULT nextval('s40_shared'), up INTEGER REFERENCES s40_a (id));
        CREATE TABLE s40_b (id INTEGER PRIMARY KEY DEFAULT nextval('s40_shared'), a INTEGER REFERENCES s40_a (id));
        CREATE VIEW s40_v AS SELECT id FROM s40_a;
        CREATE FUNCTION s40_count() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM public.s40_v';
        CREATE OR REPLACE VIEW s40_v AS SELECT id FROM s40_a WHERE public.s40_count() >= 0 OR true;
        ALTER TABLE s40_b ADD n bigint DEFAULT s40_count();
        INSERT INTO s40_a (up) VALUES (NULL), (1), (1);
        INSERT INTO s40_b (a) VALUES (2), (3)
        """,
        engines=(POSTGRES,),
        slice={"seeds": [seed("s40_b", 4)]},
        rows={"s40_a": [1, 2], "s40_b": [4]},
        holds={"SELECT nextval('s40_shared')": 6},
    ),
)
