"""Shapes 11 to 19, 25, 27, 28, 33, 41 to 43 and 49: what keys are made of."""

from __future__ import annotations

from tests.shapes.shape import MYSQL, POSTGRES, SQLITE, Shape, seed, where

_HARD = ("it's", "a,b", "back\\slash", "two\nlines", "", "100%s", '"x"', "tab\there", "ünï", "{}", "$1")


def _hard(engine: str) -> str:
    def literal(value: str) -> str:
        text = value.replace("'", "''")
        return f"'{text.replace(chr(92), chr(92) * 2)}'" if engine == MYSQL else f"'{text}'"

    binary = {POSTGRES: "BYTEA", MYSQL: "VARBINARY(20)", SQLITE: "BLOB"}[engine]
    blob = "'\\x00270a5c2c'::bytea" if engine == POSTGRES else "x'00270a5c2c'"
    rows = ", ".join(f"({literal(value)})" for value in _HARD)
    children = ", ".join(f"({number}, {literal(value)})" for number, value in enumerate(_HARD))
    return (
        f"INSERT INTO s19_words VALUES {rows};\nINSERT INTO s19_texts VALUES {children};\n"
        f"CREATE TABLE s19_blobs (k {binary} PRIMARY KEY);\n"
        f"CREATE TABLE s19_of_blobs (id INTEGER PRIMARY KEY, k {binary}, FOREIGN KEY (k) REFERENCES s19_blobs (k));\n"
        f"INSERT INTO s19_blobs VALUES ({blob});\nINSERT INTO s19_of_blobs VALUES (1, {blob}), (2, NULL)"
    )


SHAPES = (
    Shape(
        11,
        "a compound key in another order, with reversed decoys",
        """
        CREATE TABLE s11_p (a INTEGER NOT NULL, b INTEGER NOT NULL, PRIMARY KEY (a, b), UNIQUE (b, a));
        CREATE TABLE s11_c (id INTEGER PRIMARY KEY, x INTEGER, y INTEGER, FOREIGN KEY (x, y) REFERENCES s11_p (b, a));
        INSERT INTO s11_p VALUES (1, 2), (2, 1), (3, 3), (1, 1), (2, 2);
        INSERT INTO s11_c VALUES (1, 2, 1), (2, 1, 2), (3, 3, 3)
        """,
        slice={"seeds": [seed("s11_c", 1), seed("s11_p", [3, 3])]},
        rows={"s11_p": [(1, 2), (3, 3)], "s11_c": [1, 3]},
    ),
    Shape(
        12,
        "a compound key with one NULL (MATCH SIMPLE)",
        """
        CREATE TABLE s12_p (a INTEGER NOT NULL, b INTEGER NOT NULL, PRIMARY KEY (a, b));
        CREATE TABLE s12_c (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, FOREIGN KEY (a, b) REFERENCES s12_p (a, b));
        INSERT INTO s12_p VALUES (1, 1), (1, 2), (2, 1);
        INSERT INTO s12_c VALUES (1, 1, NULL), (2, 9, NULL), (3, 1, 1), (4, NULL, 2), (5, 1, 2), (6, NULL, NULL)
        """,
        slice={"seeds": [seed("s12_c", 1, 2, 4, 6), seed("s12_p", [1, 2])]},
        rows={"s12_p": [(1, 2)], "s12_c": [1, 2, 4, 5, 6]},
    ),
    Shape(
        13,
        "MATCH FULL",
        """
        CREATE TABLE s13_p (a INTEGER, b INTEGER, PRIMARY KEY (a, b));
        CREATE TABLE s13_c (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER,
            FOREIGN KEY (a, b) REFERENCES s13_p (a, b) MATCH FULL);
        INSERT INTO s13_p VALUES (1, 1), (1, 2);
        INSERT INTO s13_c VALUES (1, 1, 1), (2, NULL, NULL), (3, 1, 2)
        """,
        engines=(POSTGRES,),
        slice={
            "seeds": [seed("s13_c", 1, 2, 3), seed("s13_p", [1, 2])],
            "edges": [{"edge": "s13_c(a, b)", "parent": None}],
        },
        rows={"s13_p": [(1, 2)], "s13_c": [(1, None, None), (2, None, None), (3, 1, 2)]},
        changed=("s13_c",),
    ),
    Shape(
        14,
        "a key to a unique column that may be NULL",
        """
        CREATE TABLE s14_p (id INTEGER PRIMARY KEY, code VARCHAR(9) UNIQUE);
        CREATE TABLE s14_c (id INTEGER PRIMARY KEY, code VARCHAR(9), FOREIGN KEY (code) REFERENCES s14_p (code));
        INSERT INTO s14_p VALUES (1, 'a'), (2, NULL), (3, NULL), (4, 'b');
        INSERT INTO s14_c VALUES (1, 'a'), (2, NULL), (3, 'b')
        """,
        slice={"seeds": [seed("s14_c", 1), seed("s14_p", 2)]},
        rows={"s14_p": [1, 2], "s14_c": [1]},
    ),
    Shape(
        15,
        "compound keys that share a column",
        """
        CREATE TABLE s15_users (tenant INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (tenant, id));
        CREATE TABLE s15_projects (tenant INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (tenant, id));
        CREATE TABLE s15_tasks (id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, usr INTEGER, prj INTEGER,
            FOREIGN KEY (tenant, usr) REFERENCES s15_users (tenant, id),
            FOREIGN KEY (tenant, prj) REFERENCES s15_projects (tenant, id));
        INSERT INTO s15_users VALUES (1, 1), (2, 1), (1, 2);
        INSERT INTO s15_projects VALUES (1, 1), (2, 1), (1, 2);
        INSERT INTO s15_tasks VALUES (1, 1, 1, 2), (2, 2, 1, 1), (3, 1, NULL, 1), (4, 1, 2, 2)
        """,
        slice={
            "seeds": [seed("s15_tasks", 1, 3), seed("s15_projects", [1, 2])],
            "edges": [{"edge": "s15_tasks(tenant, usr)", "parent": None}],
        },
        rows={
            "s15_users": [],
            "s15_projects": [(1, 1), (1, 2)],
            "s15_tasks": [(1, 1, None, 2), (3, 1, None, 1), (4, 1, None, 2)],
        },
        changed=("s15_tasks",),
    ),
    Shape(
        16,
        "a foreign key that is the primary key",
        """
        CREATE TABLE s16_base (id INTEGER PRIMARY KEY);
        CREATE TABLE s16_middle (id INTEGER PRIMARY KEY REFERENCES s16_base (id));
        CREATE TABLE s16_leaf (id INTEGER PRIMARY KEY REFERENCES s16_middle (id));
        INSERT INTO s16_base VALUES (1), (2), (3), (4);
        INSERT INTO s16_middle VALUES (1), (2), (3);
        INSERT INTO s16_leaf VALUES (1), (3)
        """,
        slice={"seeds": [seed("s16_base", 1), seed("s16_leaf", 3)]},
        rows={"s16_base": [1, 3], "s16_middle": [1, 3], "s16_leaf": [1, 3]},
    ),
    Shape(
        17,
        "keys of different types on the two sides",
        """
        CREATE TABLE s17_big (id BIGINT PRIMARY KEY);
        CREATE TABLE s17_small (id INTEGER PRIMARY KEY, big INTEGER);
        INSERT INTO s17_big VALUES (1), (2), (5000000000);
        INSERT INTO s17_small VALUES (1, 1), (2, 2), (3, NULL)
        """,
        only={
            POSTGRES: """
            ALTER TABLE s17_small ADD FOREIGN KEY (big) REFERENCES s17_big (id);
            CREATE TABLE s17_words (word CHAR(5) PRIMARY KEY);
            CREATE TABLE s17_uses (id INTEGER PRIMARY KEY, word VARCHAR(9) REFERENCES s17_words (word));
            INSERT INTO s17_words VALUES ('ab'), ('cd');
            INSERT INTO s17_uses VALUES (1, 'ab'), (2, 'cd')
            """,
            MYSQL: """
            CREATE TABLE s17_words (word VARCHAR(9) PRIMARY KEY);
            CREATE TABLE s17_uses (id INTEGER PRIMARY KEY, word VARCHAR(9), FOREIGN KEY (word) REFERENCES s17_words (word));
            INSERT INTO s17_words VALUES ('Ab'), ('Cd');
            INSERT INTO s17_uses VALUES (1, 'aB'), (2, 'CD')
            """,
            SQLITE: """
            CREATE TABLE s17_words (word TEXT PRIMARY KEY COLLATE NOCASE);
            CREATE TABLE s17_uses (id INTEGER PRIMARY KEY, word TEXT REFERENCES s17_words (word));
            INSERT INTO s17_words VALUES ('Ab'), ('Cd');
            INSERT INTO s17_uses VALUES (1, 'aB'), (2, 'CD')
            """,
        },
        slice={
            "seeds": [seed("s17_small", 1), seed("s17_uses", 1)],
            "virtual_keys": [{"child": "s17_small(id)", "parent": "s17_big(id)"}],
        },
        rows={"s17_big": [1], "s17_small": [1], "s17_uses": [1]},
        holds={"SELECT count(*) FROM s17_words JOIN s17_uses ON s17_words.word = s17_uses.word": 1},
    ),
    Shape(
        18,
        "numbers of equal value in different spellings",
        engines=(POSTGRES, SQLITE),
        only={
            POSTGRES: """
            CREATE TABLE s18_p (k NUMERIC PRIMARY KEY);
            CREATE TABLE s18_c (id INTEGER PRIMARY KEY, k NUMERIC REFERENCES s18_p (k));
            INSERT INTO s18_p VALUES (1.0), ('NaN'), (2), (3);
            INSERT INTO s18_c VALUES (1, 1.000), (2, 'NaN'), (3, 2.0)
            """,
            SQLITE: """
            CREATE TABLE s18_p (k REAL PRIMARY KEY);
            CREATE TABLE s18_c (id INTEGER PRIMARY KEY, k TEXT REFERENCES s18_p (k));
            INSERT INTO s18_p VALUES (1.0), (1.5), (2), (3);
            INSERT INTO s18_c VALUES (1, '1'), (2, '1.50'), (3, '2.0')
            """,
        },
        slice={"seeds": [seed("s18_c", 1, 2)]},
        rows={"s18_c": [1, 2]},
        holds={"SELECT count(*) FROM s18_p": 2},
    ),
    Shape(
        18,
        "blanks at the end and decimals of another scale",
        """
        CREATE TABLE s18_words (word VARCHAR(9) PRIMARY KEY);
        CREATE TABLE s18_uses (id INTEGER PRIMARY KEY, word VARCHAR(9), n DECIMAL(9, 3),
            FOREIGN KEY (word) REFERENCES s18_words (word));
        CREATE TABLE s18_prices (n DECIMAL(9, 1) PRIMARY KEY);
        INSERT INTO s18_words VALUES ('a'), ('b');
        INSERT INTO s18_prices VALUES (1.0), (2.5), (3);
        INSERT INTO s18_uses VALUES (1, 'a ', 2.500), (2, 'b', 1), (3, NULL, 3.001)
        """,
        engines=(MYSQL,),
        slice={
            "seeds": [seed("s18_uses", 1, 3)],
            "virtual_keys": [{"child": "s18_uses(n)", "parent": "s18_prices(n)"}],
        },
        rows={"s18_words": ["a"], "s18_prices": ["2.5"], "s18_uses": [1, 3]},
    ),
    Shape(
        19,
        "quotes, commas, backslashes, new lines and nothing in key values",
        """
        CREATE TABLE s19_words (word VARCHAR(40) PRIMARY KEY);
        CREATE TABLE s19_texts (id INTEGER PRIMARY KEY, word VARCHAR(40), FOREIGN KEY (word) REFERENCES s19_words (word))
        """,
        only={engine: _hard(engine) for engine in (POSTGRES, MYSQL, SQLITE)},
        slice={"seeds": [where("s19_texts", "id <> 1"), seed("s19_of_blobs", 1)]},
        rows={
            "s19_words": [word for number, word in enumerate(_HARD) if number != 1],
            "s19_texts": [0, *range(2, len(_HARD))],
            "s19_of_blobs": [1],
        },
        holds={"SELECT count(*) FROM s19_blobs": 1},
    ),
    Shape(
        25,
        "a computed column that a key references",
        only={
            POSTGRES: """
            CREATE TABLE s25_p (id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a INTEGER,
                twice INTEGER GENERATED ALWAYS AS (a * 2) STORED UNIQUE);
            CREATE TABLE s25_c (id INTEGER PRIMARY KEY, twice INTEGER REFERENCES s25_p (twice));
            INSERT INTO s25_p (a) VALUES (1), (5), (NULL);
            INSERT INTO s25_c VALUES (1, 10), (2, 2)
            """,
            MYSQL: """
            CREATE TABLE s25_p (id INTEGER AUTO_INCREMENT PRIMARY KEY, a INTEGER,
                twice INTEGER GENERATED ALWAYS AS (a * 2) STORED UNIQUE, half INTEGER GENERATED ALWAYS AS (a - 1) VIRTUAL);
            CREATE TABLE s25_c (id INTEGER PRIMARY KEY, twice INTEGER REFERENCES s25_p (twice));
            INSERT INTO s25_p (a) VALUES (1), (5), (NULL);
            INSERT INTO s25_c VALUES (1, 10), (2, 2)
            """,
            SQLITE: """
            CREATE TABLE s25_p (id INTEGER PRIMARY KEY AUTOINCREMENT, a INTEGER,
                twice INTEGER GENERATED ALWAYS AS (a * 2) STORED UNIQUE, half INTEGER GENERATED ALWAYS AS (a - 1) VIRTUAL);
            CREATE TABLE s25_c (id INTEGER PRIMARY KEY, twice INTEGER REFERENCES s25_p (twice));
            INSERT INTO s25_p (a) VALUES (1), (5), (NULL);
            INSERT INTO s25_c VALUES (1, 10), (2, 2)
            """,
        },
        slice={"seeds": [seed("s25_c", 1)]},
        rows={"s25_p": [2], "s25_c": [1]},
    ),
    Shape(
        27,
        "a key whose parent's table stands in a table (Django), and a kind that nobody knows",
        """
        CREATE TABLE s27_kinds (id INTEGER PRIMARY KEY, model VARCHAR(20));
        CREATE TABLE s27_posts (id INTEGER PRIMARY KEY);
        CREATE TABLE s27_users (id INTEGER PRIMARY KEY);
        CREATE TABLE s27_likes (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL REFERENCES s27_kinds (id), obj INTEGER NOT NULL);
        INSERT INTO s27_kinds VALUES (7, 'post'), (8, 'user'), (9, 'gone');
        INSERT INTO s27_posts VALUES (1), (2), (3);
        INSERT INTO s27_users VALUES (1), (2), (3);
        INSERT INTO s27_likes VALUES (1, 7, 1), (2, 8, 1), (3, 7, 2), (4, 9, 3), (5, 8, 2), (6, 8, 99)
        """,
        slice={
            "seeds": [seed("s27_posts", 1), seed("s27_likes", 4, 5, 6)],
            "virtual_keys": [
                {"child": "s27_likes(obj)", "parent": "s27_posts(id)", "when": "kind = 7"},
                {
                    "child": "s27_likes(obj)",
                    "parent": "s27_users(id)",
                    "when": "kind = (SELECT k.id FROM s27_kinds AS k WHERE k.model = 'user')",
                },
            ],
        },
        rows={"s27_posts": [1], "s27_users": [2], "s27_likes": [1, 4, 5, 6], "s27_kinds": [7, 8, 9]},
        told={"DM601": "s27_likes(obj)"},
    ),
    Shape(
        28,
        "references in documents and lists",
        """
        CREATE TABLE s28_users (id INTEGER PRIMARY KEY);
        INSERT INTO s28_users VALUES (1), (2), (3), (4)
        """,
        only={
            POSTGRES: """
            CREATE TABLE s28_events (id INTEGER PRIMARY KEY, context JSON, users INTEGER[], listed TEXT);
            INSERT INTO s28_events VALUES (1, '{"user":  {"id": 2}, "all": [1, 2]}', '{1,2}', '1,2'), (2, '{}', NULL, '')
            """,
            MYSQL: """
            CREATE TABLE s28_events (id INTEGER PRIMARY KEY, context JSON, users LONGTEXT, listed TEXT);
            INSERT INTO s28_events VALUES (1, '{"user":  {"id": 2}, "all": [1, 2]}', '[1]', '1,2'), (2, '{}', NULL, '')
            """,
            SQLITE: """
            CREATE TABLE s28_events (id INTEGER PRIMARY KEY, context TEXT, users TEXT, listed TEXT);
            INSERT INTO s28_events VALUES (1, '{"user":  {"id": 2}, "all": [1, 2]}', '[1]', '1,2'), (2, '{}', NULL, '')
            """,
        },
        slice={
            "seeds": [where("s28_events", "id > 0")],
            "virtual_keys": [
                {"child": "s28_events(context)", "path": "user.id", "parent": "s28_users(id)"},
                {"child": "s28_events(context)", "path": "all[0]", "parent": "s28_users(id)"},
            ],
        },
        rows={"s28_users": [1, 2], "s28_events": [1, 2]},
    ),
    Shape(
        33,
        "rows that dangle in the source already",
        """
        CREATE TABLE s33_p (id INTEGER PRIMARY KEY);
        INSERT INTO s33_p VALUES (1), (2)
        """,
        only={
            POSTGRES: """
            CREATE TABLE s33_c (id INTEGER PRIMARY KEY, p INTEGER);
            INSERT INTO s33_c VALUES (1, 1), (2, 99), (3, 2);
            ALTER TABLE s33_c ADD FOREIGN KEY (p) REFERENCES s33_p (id) NOT VALID
            """,
            MYSQL: """
            CREATE TABLE s33_c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES s33_p (id));
            INSERT INTO s33_c VALUES (1, 1), (2, 99), (3, 2)
            """,
            SQLITE: """
            CREATE TABLE s33_c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES s33_p (id));
            INSERT INTO s33_c VALUES (1, 1), (2, 99), (3, 2)
            """,
        },
        slice={"seeds": [seed("s33_c", 1, 2)]},
        rows={"s33_p": [1], "s33_c": [1, 2]},
        told={"DM601": "s33_c(p)"},
    ),
    Shape(
        41,
        "random UUIDs as keys",
        only={
            POSTGRES: """
            CREATE TABLE s41_p (id UUID PRIMARY KEY, n INTEGER);
            CREATE TABLE s41_c (id INTEGER PRIMARY KEY, p UUID REFERENCES s41_p (id));
            INSERT INTO s41_p SELECT md5(n::text)::uuid, n FROM numbers;
            INSERT INTO s41_c SELECT n, id FROM s41_p
            """,
            MYSQL: """
            CREATE TABLE s41_p (id UUID PRIMARY KEY, n INTEGER);
            CREATE TABLE s41_c (id INTEGER PRIMARY KEY, p UUID, FOREIGN KEY (p) REFERENCES s41_p (id));
            INSERT INTO s41_p SELECT CONCAT_WS('-', LEFT(MD5(n), 8), MID(MD5(n), 9, 4), CONCAT('4', MID(MD5(n), 14, 3)),
                CONCAT('8', MID(MD5(n), 18, 3)), RIGHT(MD5(n), 12)), n FROM numbers;
            INSERT INTO s41_c SELECT n, id FROM s41_p
            """,
            SQLITE: """
            CREATE TABLE s41_p (id BLOB PRIMARY KEY, n INTEGER) WITHOUT ROWID;
            CREATE TABLE s41_c (id INTEGER PRIMARY KEY, p BLOB REFERENCES s41_p (id));
            INSERT INTO s41_p SELECT randomblob(16), n FROM numbers;
            INSERT INTO s41_c SELECT n, id FROM s41_p
            """,
        },
        slice={"seeds": [where("s41_c", "id < 3000")]},
        rows={"s41_c": range(3000)},
        holds={"SELECT count(*) FROM s41_p JOIN s41_c ON s41_p.id = s41_c.p WHERE s41_p.n = s41_c.id": 3000},
    ),
    Shape(
        42,
        "what only SQLite allows",
        """
        CREATE TABLE s42_no_rowid (a TEXT, b INTEGER, PRIMARY KEY (b, a)) WITHOUT ROWID;
        CREATE TABLE s42_alias (number INTEGER PRIMARY KEY, a TEXT, b INTEGER REFERENCES s42_alias,
            FOREIGN KEY (b, a) REFERENCES s42_no_rowid);
        CREATE TABLE s42_null_key (code TEXT PRIMARY KEY, up TEXT REFERENCES s42_null_key);
        CREATE TABLE s42_affinity (k, up INTEGER REFERENCES s42_alias (number));
        INSERT INTO s42_no_rowid VALUES ('x', 1), ('y', 1), ('x', 2);
        INSERT INTO s42_alias VALUES (1, 'x', NULL), (2, 'y', 1), (3, 'x', 2);
        INSERT INTO s42_null_key VALUES (NULL, 'a'), (NULL, NULL), ('a', NULL), ('b', 'a');
        INSERT INTO s42_affinity VALUES ('1', 1), (1, '2'), (1.5, 2.0), (x'31', NULL)
        """,
        engines=(SQLITE,),
        slice={
            "seeds": [seed("s42_alias", 2), where("s42_null_key", "code IS NULL"), where("s42_affinity", "k = 1.5")],
            "edges": [{"edge": "s42_null_key(up)", "children": "stop"}],
        },
        rows={
            "s42_no_rowid": [("y", 1), ("x", 2)],
            "s42_alias": [1, 2, 3],
            "s42_null_key": [None, None, "a"],
            "s42_affinity": [1, 1.5],
        },
    ),
    Shape(
        43,
        "what only MySQL allows",
        """
        CREATE TABLE s43_doubled (id INTEGER PRIMARY KEY, code INTEGER, KEY (code));
        CREATE TABLE s43_of_doubled (id INTEGER PRIMARY KEY, code INTEGER, FOREIGN KEY (code) REFERENCES s43_doubled (code));
        CREATE TABLE s43_myisam (id INTEGER PRIMARY KEY) ENGINE = MyISAM;
        CREATE TABLE s43_of_myisam (id INTEGER PRIMARY KEY, up INTEGER) ENGINE = MyISAM;
        CREATE TABLE s43_huge (id BIGINT UNSIGNED PRIMARY KEY, k BINARY(16) UNIQUE);
        CREATE TABLE s43_of_huge (id INTEGER PRIMARY KEY, huge BIGINT UNSIGNED, k BINARY(16),
            FOREIGN KEY (huge) REFERENCES s43_huge (id), FOREIGN KEY (k) REFERENCES s43_huge (k));
        INSERT INTO s43_doubled VALUES (1, 5), (2, 5), (3, 6);
        INSERT INTO s43_of_doubled VALUES (1, 5), (2, 6);
        INSERT INTO s43_myisam VALUES (1), (2);
        INSERT INTO s43_of_myisam VALUES (1, 1), (2, 2);
        INSERT INTO s43_huge VALUES (18446744073709551615, x'00ff'), (9223372036854775808, x'01'), (1, NULL);
        INSERT INTO s43_of_huge VALUES (1, 18446744073709551615, x'01'), (2, 1, NULL)
        """,
        engines=(MYSQL,),
        slice={
            "seeds": [seed("s43_of_doubled", 1), seed("s43_of_myisam", 2), seed("s43_of_huge", 1)],
            "virtual_keys": [{"child": "s43_of_myisam(up)", "parent": "s43_myisam(id)"}],
        },
        rows={
            "s43_doubled": [1, 2],
            "s43_of_doubled": [1],
            "s43_myisam": [2],
            "s43_of_myisam": [2],
            "s43_huge": [9223372036854775808, 18446744073709551615],
            "s43_of_huge": [1],
        },
    ),
    Shape(
        49,
        "a masked key that is followed around a ring",
        """
        CREATE TABLE s49_a (id INTEGER PRIMARY KEY, b INTEGER LATER s49_b (id), n INTEGER);
        CREATE TABLE s49_b (id INTEGER PRIMARY KEY, a INTEGER LATER s49_a (id), n INTEGER);
        INSERT INTO s49_a VALUES (1, 2, 1), (2, 3, 2), (3, NULL, 3), (4, 4, 4);
        INSERT INTO s49_b VALUES (2, 2, 2), (3, 3, 3), (4, 4, 4)
        """,
        slice={"seeds": [seed("s49_a", 1)], "edges": [{"edge": "s49_b(a)", "children": "stop"}]},
        columns={"s49_a.id": "integer_key", "s49_b.id": "integer_key"},
        holds={
            "SELECT count(*) FROM s49_a": 3,
            "SELECT count(*) FROM s49_b": 2,
            "SELECT count(*) FROM s49_a JOIN s49_b ON b = s49_b.id AND s49_b.n = s49_a.n + 1": 2,
            "SELECT count(*) FROM s49_b JOIN s49_a ON a = s49_a.id AND s49_a.n = s49_b.n": 2,
            "SELECT count(*) FROM s49_a WHERE id < 100 OR b < 100": 0,
        },
    ),
)
